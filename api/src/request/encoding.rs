//! How requests and answers are written on a connection.

/// How requests and answers are written on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// One JSON object a line.
    #[default]
    Json,
    /// `v2x.v1.ControlRequest` and `v2x.v1.ControlAnswer`, each after its length as a varint.
    Protobuf,
}

impl Encoding {
    /// `"json"` or `"protobuf"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Protobuf => "protobuf",
        }
    }

    /// The encoding of this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Json, Self::Protobuf].into_iter().find(|encoding| encoding.name() == text)
    }
}
