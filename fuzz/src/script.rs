//! What happens to a station, as bytes: steps of fixed layout one after the other, each after the byte that names it.
//!
//! The layout is defined here rather than by `arbitrary`, because it can be written as well as read: the corpus is made
//! from valid steps. Any bytes are a script; a step that is cut takes zeros for what is missing.

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// A frame made of fields, signed.
    Fields(Envelope, Fields<'a>),
    /// A frame around any bytes, signed.
    Signed(Envelope, &'a [u8]),
    /// A frame of any bytes.
    Raw {
        /// Which link address it comes from.
        link: u8,
        /// The frame.
        bytes: &'a [u8],
    },
    /// A frame that was on the air before comes again, with one byte changed.
    Again {
        /// How many frames ago.
        back: u8,
        /// Which link address it comes from.
        link: u8,
        /// Which byte, modulo its length.
        place: u16,
        /// What is flipped in it; 0 for an exact copy.
        flip: u8,
    },
    /// Time passes, each deadline kept.
    Pass(u16),
    /// Time passes and the host sleeps through it, 100 ms a unit.
    Sleep(u16),
    /// The station has moved: metres east and north, 0.01 m/s, 0.1 degree.
    Drive(i16, i16, u16, u16),
    /// Any other input, as a recording has it (`v2x.v1.RecordedInput`); its time is replaced.
    Input(&'a [u8]),
}

/// The sender of a frame and what is around the signed bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The signer.
    pub signer: u8,
    /// Which link address it comes from.
    pub link: u8,
    /// Bits: 0 with credential, 1 multi-hop, 2 store-carry-forward, 3 keep-alive, 4 test, 5 with the forwarder's position,
    /// 6 another's forwarder digest.
    pub form: u8,
    /// Hops the frame may still make.
    pub remaining_hops: u8,
    /// Class in the hop header, modulo 6.
    pub class: u8,
}

/// The signed fields of a frame, relative to the station that hears it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Number of the payload's type.
    pub message_type: u16,
    /// How long ago it was generated, ms.
    pub age_ms: i16,
    /// Steps from the signer's last number; 0 is the same again.
    pub sequence: i8,
    /// Metres east of the station's first place.
    pub east: i16,
    /// Metres north of it.
    pub north: i16,
    /// Class, modulo 6.
    pub class: u8,
    /// Lifetime, ms.
    pub lifetime_ms: u16,
    /// Signed hops.
    pub max_hops: u8,
    /// Shape of the area; none for other numbers than 1 to 3.
    pub shape: u8,
    /// First distance of the area, m.
    pub distance_a: u16,
    /// Second distance of the area, m.
    pub distance_b: u16,
    /// Direction of the area, degrees.
    pub azimuth: u16,
    /// Requested credentials: starts of digests.
    pub requests: &'a [u8],
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Step<'a> {
    /// Reads one step off the front of `script`; `None` at its end.
    pub fn read(script: &mut &'a [u8]) -> Option<Self> {
        let (&name, rest) = script.split_first()?;
        *script = rest;
        Some(match name % 8 {
            0 => Self::Fields(Envelope::read(script), Fields::read(script)),
            1 => Self::Signed(Envelope::read(script), text(script)),
            2 => Self::Raw { link: byte(script), bytes: text(script) },
            3 => Self::Again {
                back: byte(script),
                link: byte(script),
                place: word(script),
                flip: byte(script),
            },
            4 => Self::Pass(word(script)),
            5 => Self::Sleep(word(script)),
            6 => Self::Drive(signed(script), signed(script), word(script), word(script)),
            _ => Self::Input(text(script)),
        })
    }

    /// Writes the step behind `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Fields(envelope, fields) => {
                envelope.write(0, out);
                fields.write(out);
            }
            Self::Signed(envelope, tbs) => {
                envelope.write(1, out);
                put_text(tbs, out);
            }
            Self::Raw { link, bytes } => {
                out.extend([2, link]);
                put_text(bytes, out);
            }
            Self::Again { back, link, place, flip } => {
                out.extend([3, back, link]);
                out.extend(place.to_le_bytes());
                out.push(flip);
            }
            Self::Pass(millis) => {
                out.push(4);
                out.extend(millis.to_le_bytes());
            }
            Self::Sleep(units) => {
                out.push(5);
                out.extend(units.to_le_bytes());
            }
            Self::Drive(east, north, speed, heading) => {
                out.push(6);
                out.extend([east.to_le_bytes(), north.to_le_bytes()].concat());
                out.extend([speed.to_le_bytes(), heading.to_le_bytes()].concat());
            }
            Self::Input(input) => {
                out.push(7);
                put_text(input, out);
            }
        }
    }
}

impl Envelope {
    fn read(script: &mut &[u8]) -> Self {
        Self {
            signer: byte(script),
            link: byte(script),
            form: byte(script),
            remaining_hops: byte(script),
            class: byte(script),
        }
    }

    fn write(self, name: u8, out: &mut Vec<u8>) {
        out.extend([name, self.signer, self.link, self.form, self.remaining_hops, self.class]);
    }
}

impl<'a> Fields<'a> {
    fn read(script: &mut &'a [u8]) -> Self {
        Self {
            message_type: word(script),
            age_ms: signed(script),
            sequence: byte(script) as i8,
            east: signed(script),
            north: signed(script),
            class: byte(script),
            lifetime_ms: word(script),
            max_hops: byte(script),
            shape: byte(script),
            distance_a: word(script),
            distance_b: word(script),
            azimuth: word(script),
            requests: text(script),
            payload: text(script),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.message_type.to_le_bytes());
        out.extend(self.age_ms.to_le_bytes());
        out.push(self.sequence as u8);
        out.extend(self.east.to_le_bytes());
        out.extend(self.north.to_le_bytes());
        out.push(self.class);
        out.extend(self.lifetime_ms.to_le_bytes());
        out.extend([self.max_hops, self.shape]);
        out.extend([self.distance_a, self.distance_b, self.azimuth].map(u16::to_le_bytes).concat());
        put_text(self.requests, out);
        put_text(self.payload, out);
    }
}

fn byte(script: &mut &[u8]) -> u8 {
    let Some((&first, rest)) = script.split_first() else { return 0 };
    *script = rest;
    first
}

fn word(script: &mut &[u8]) -> u16 {
    u16::from_le_bytes([byte(script), byte(script)])
}

fn signed(script: &mut &[u8]) -> i16 {
    word(script) as i16
}

/// Bytes after their length; what is not there is left out.
fn text<'a>(script: &mut &'a [u8]) -> &'a [u8] {
    let length = usize::from(word(script)).min(script.len());
    let (text, rest) = script.split_at(length);
    *script = rest;
    text
}

fn put_text(text: &[u8], out: &mut Vec<u8>) {
    let length = u16::try_from(text.len()).expect("invariant: seeds are short");
    out.extend(length.to_le_bytes());
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_as_it_was_written() {
        let envelope = Envelope { signer: 1, link: 2, form: 3, remaining_hops: 4, class: 5 };
        let fields = Fields {
            message_type: 300,
            age_ms: -2,
            sequence: -1,
            east: -300,
            requests: b"abc",
            payload: b"payload",
            ..Fields::default()
        };
        let steps = [
            Step::Fields(envelope, fields),
            Step::Signed(envelope, b"signed"),
            Step::Raw { link: 9, bytes: b"raw" },
            Step::Again { back: 1, link: 2, place: 3000, flip: 4 },
            Step::Pass(1000),
            Step::Sleep(65_535),
            Step::Drive(-1, 1, 1389, 900),
            Step::Input(b"input"),
        ];
        let mut script = Vec::new();
        steps.iter().for_each(|step| step.write(&mut script));
        let mut rest = script.as_slice();
        let read: Vec<_> = std::iter::from_fn(|| Step::read(&mut rest)).collect();
        assert_eq!(read, steps);
    }

    #[test]
    fn a_cut_step_takes_zeros() {
        assert_eq!(Step::read(&mut [4, 7].as_slice()), Some(Step::Pass(7)));
        assert_eq!(Step::read(&mut [2, 1, 200, 0, 5].as_slice()), Some(Step::Raw { link: 1, bytes: &[5] }));
        assert_eq!(Step::read(&mut [].as_slice()), None);
    }
}
