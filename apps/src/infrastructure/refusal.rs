//! Why a message of a roadside unit changed nothing.

/// Why a message of a roadside unit changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not verified, or its signer is suspect.
    NotTrusted,
    /// Another signer says something else: neither is believed.
    Contested,
    /// An older revision than the one known.
    OldRevision,
    /// A state made before the one known.
    OldState,
    /// The controller's time is further ahead than clocks may differ.
    FromFuture,
    /// Fragments of one revision that do not belong together.
    FragmentsDiffer,
    /// A lane number twice.
    LaneTwice,
    /// More lanes that enter than are kept ([`limits::MAX_INGRESS_LANES`](crate::limits::MAX_INGRESS_LANES)).
    TooManyLanes,
    /// Its signer has as many intersections or signs as one may have.
    TooManyOfSigner,
    /// The table is full of what is in use.
    Full,
    /// A message of another type, or one that does not decode.
    NotForVehicles,
    /// Its signer says that it stands farther from the intersection than a unit does
    /// ([`limits::MAX_UNIT_DISTANCE_M`](crate::limits::MAX_UNIT_DISTANCE_M)).
    TooFar,
}

impl Refusal {
    /// Every refusal, in a fixed order.
    pub const ALL: [Self; 12] = [
        Self::NotTrusted,
        Self::Contested,
        Self::OldRevision,
        Self::OldState,
        Self::FromFuture,
        Self::FragmentsDiffer,
        Self::LaneTwice,
        Self::TooManyLanes,
        Self::TooManyOfSigner,
        Self::Full,
        Self::NotForVehicles,
        Self::TooFar,
    ];

    /// Stable name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotTrusted => "not_trusted",
            Self::Contested => "contested",
            Self::OldRevision => "old_revision",
            Self::OldState => "old_state",
            Self::FromFuture => "from_future",
            Self::FragmentsDiffer => "fragments_differ",
            Self::LaneTwice => "lane_twice",
            Self::TooManyLanes => "too_many_lanes",
            Self::TooManyOfSigner => "too_many_of_signer",
            Self::Full => "full",
            Self::NotForVehicles => "not_for_vehicles",
            Self::TooFar => "too_far",
        }
    }
}
