//! What happens to a station, as bytes: steps of fixed layout one after the other, each after the byte that names it.
//!
//! The layout is defined here rather than by `arbitrary`, because it can be written as well as read: the corpus is made
//! from valid steps. Any bytes are a script; a step that is cut takes zeros for what is missing.

/// A value of fixed layout in a script.
trait Part<'a>: Sized {
    /// Reads it off the front of `script`.
    fn read(script: &mut &'a [u8]) -> Self;

    /// Writes it behind `out`.
    fn write(&self, out: &mut Vec<u8>);
}

/// The steps and their numbers, both ways.
macro_rules! steps {
    ($($(#[$doc:meta])+ $number:literal $name:ident($($part:ident: $kind:ty),*),)+) => {
        /// One step.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Step<'a> {
            $($(#[$doc])+ $name($($kind),*),)+
        }

        impl<'a> Step<'a> {
            /// Reads one step off the front of `script`; `None` at its end.
            pub fn read(script: &mut &'a [u8]) -> Option<Self> {
                let (&name, rest) = script.split_first()?;
                *script = rest;
                Some(match name % STEPS {
                    $($number => Self::$name($(<$kind>::read(script)),*),)+
                    _ => Self::Idle(),
                })
            }

            /// Writes the step behind `out`.
            pub fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$name($($part),*) => {
                        out.push($number);
                        $($part.write(out);)*
                    })+
                }
            }
        }
    };
}

/// A struct whose fields follow each other in a script.
macro_rules! part {
    ($(#[$doc:meta])+ $name:ident $(<$life:lifetime>)? { $($(#[$of:meta])+ $field:ident: $kind:ty,)+ }) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name $(<$life>)? {
            $($(#[$of])+ pub $field: $kind,)+
        }

        impl<'a> Part<'a> for part!(@kind $name $($life)?) {
            fn read(script: &mut &'a [u8]) -> Self {
                Self { $($field: <$kind>::read(script),)+ }
            }

            fn write(&self, out: &mut Vec<u8>) {
                $(self.$field.write(out);)+
            }
        }
    };
    (@kind $name:ident) => { $name };
    (@kind $name:ident $life:lifetime) => { $name<$life> };
}

steps! {
    /// A frame made of fields, signed.
    0 Fields(envelope: Envelope, fields: Fields<'a>),
    /// A frame around any bytes, signed.
    1 Signed(envelope: Envelope, tbs: &'a [u8]),
    /// A frame of any bytes, from this link address.
    2 Raw(link: u8, bytes: &'a [u8]),
    /// A frame that was on the air before comes again, with one byte changed.
    3 Again(again: Again),
    /// Time passes, ms, each deadline kept.
    4 Pass(millis: u16),
    /// Time passes and the host sleeps through it, 100 ms a unit.
    5 Sleep(units: u16),
    /// The station has moved: metres east and north, 0.01 m/s, 0.1 degree.
    6 Drive(east: i16, north: i16, speed: u16, heading: u16),
    /// Any other input, as a recording has it (`v2x.v1.RecordedInput`); its time is replaced.
    7 Input(input: &'a [u8]),
    /// Awareness, signed, that may name floods and ask for credentials.
    8 Beacon(envelope: Envelope, beacon: Beacon),
    /// A message about an event, signed.
    9 Hazard(envelope: Envelope, event: Event),
    /// A frame that was on the air before, as another station sends it on: new hop header, new form of its signer.
    10 Relay(relay: Relay),
    /// A valid message of any type with one byte of its payload changed, signed.
    11 Template(envelope: Envelope, template: Template),
    /// Many frames at once.
    12 Crowd(crowd: Crowd),
    /// A revocation delta that its issuer signed.
    13 Revoke(revoke: Revoke),
    /// The host's clock reads this much less than before, ms.
    14 Back(millis: u16),
    /// A timeout before the deadline, which must change nothing.
    15 Idle(),
}

part! {
    /// The sender of a frame and what is around the signed bytes.
    Envelope {
        /// The signer.
        signer: u8,
        /// Which link address it comes from.
        link: u8,
        /// Bits: 0 with credential, 1 multi-hop, 2 store-carry-forward, 3 keep-alive, 4 test, 5 with the forwarder's
        /// position, 6 another's forwarder digest, 7 an invalid signature.
        form: u8,
        /// Hops the frame may still make.
        remaining_hops: u8,
        /// Class in the hop header, modulo 6.
        class: u8,
    }
}

part! {
    /// The signed fields of a frame, relative to the station that hears it.
    Fields<'a> {
        /// Number of the payload's type.
        message_type: u16,
        /// How long ago it was generated, ms.
        age_ms: i16,
        /// Steps from the signer's last number; 0 is the same again.
        sequence: i8,
        /// Metres east of the station's first place.
        east: i16,
        /// Metres north of it.
        north: i16,
        /// Class, modulo 6.
        class: u8,
        /// Lifetime, ms.
        lifetime_ms: u16,
        /// Signed hops.
        max_hops: u8,
        /// Shape of the area; none for other numbers than 1 to 3.
        shape: u8,
        /// First distance of the area, m.
        distance_a: u16,
        /// Second distance of the area, m.
        distance_b: u16,
        /// Direction of the area, degrees.
        azimuth: u16,
        /// Requested credentials: starts of digests.
        requests: &'a [u8],
        /// The payload.
        payload: &'a [u8],
    }
}

part! {
    /// Which frame comes again, and what is changed in it.
    Again {
        /// How many frames ago.
        back: u8,
        /// Which link address it comes from.
        link: u8,
        /// Which byte, modulo its length.
        place: u16,
        /// What is flipped in it; 0 for an exact copy.
        flip: u8,
    }
}

part! {
    /// An awareness message.
    Beacon {
        /// How long ago it was generated, ms.
        age_ms: i16,
        /// Steps from the signer's last number.
        sequence: i8,
        /// Metres east of the station's first place.
        east: i16,
        /// Metres north of it.
        north: i16,
        /// 0.01 m/s.
        speed: u16,
        /// 0.1 degree, modulo 3600.
        heading: u16,
        /// Floods it holds: bit n is the n-th multi-hop frame on the air, counted from the newest.
        floods: u16,
        /// Credentials it requests: bit n is signer n's.
        requests: u8,
        /// Points of its path.
        points: u8,
        /// Type of station, modulo 16.
        station_type: u8,
    }
}

part! {
    /// A message about an event, which its signer declares unless it is said otherwise.
    Event {
        /// How long ago it was generated, ms.
        age_ms: i16,
        /// Steps from the signer's last number.
        sequence: i8,
        /// Class, modulo 6.
        class: u8,
        /// Whose event it is, by number: 255 for the signer's.
        origin: u8,
        /// Number of the event.
        number: u8,
        /// `HazardState`, modulo 5.
        state: u8,
        /// How long before its generation it was detected, ms.
        detected_ms: i16,
        /// Seconds for which it is valid.
        validity_s: u16,
        /// Cause.
        cause: u8,
        /// Sub-cause.
        sub_cause: u8,
        /// Metres east of the station's first place.
        east: i16,
        /// Metres north of it.
        north: i16,
        /// Radius of its area, m; 0 for none.
        radius: u16,
        /// Lifetime, 10 ms.
        lifetime: u16,
        /// Signed hops.
        max_hops: u8,
        /// Keep-alive interval, 100 ms; 0 for none.
        keep_alive: u8,
    }
}

part! {
    /// How a frame is sent on.
    Relay {
        /// How many frames ago it was on the air.
        back: u8,
        /// Which link address it comes from.
        link: u8,
        /// Whose digest is the forwarder's.
        forwarder: u8,
        /// Hops it may still make.
        remaining_hops: u8,
        /// Bits: 0 with its credential, 1 to 3 flags as in [`Envelope::form`], 4 padded within the envelope.
        form: u8,
    }
}

part! {
    /// A valid message, and what is changed in it.
    Template {
        /// Which message, modulo their number.
        which: u8,
        /// How long ago it was generated, ms.
        age_ms: i16,
        /// Steps from the signer's last number.
        sequence: i8,
        /// Which byte of its payload, modulo its length.
        place: u16,
        /// What is flipped in it.
        flip: u8,
    }
}

part! {
    /// Many frames of one kind.
    Crowd {
        /// 0 digests nobody has, 1 made-up credentials, 2 invalid signatures in one name, 3 beacons of all signers, 4 new
        /// events, 5 floods, 6 exact copies, 7 alerts; modulo 8.
        kind: u8,
        /// How many.
        count: u8,
        /// The first signer.
        from: u8,
        /// Bits: 0 from the address of the signer, 1 with credential.
        form: u8,
    }
}

part! {
    /// A revocation delta.
    Revoke {
        /// The signer that carries it over the air; 255: it comes in another way.
        carrier: u8,
        /// Signers it names: bit n is signer n.
        named: u16,
        /// The list, added to the signers' own.
        series: u8,
        /// Number it starts from.
        from_number: u8,
        /// Number of the list after it.
        to_number: u8,
        /// How long ago it was issued, s.
        age_s: i8,
        /// Odd: the whole series.
        whole: u8,
    }
}

impl Part<'_> for u8 {
    fn read(script: &mut &[u8]) -> Self {
        let Some((&first, rest)) = script.split_first() else { return 0 };
        *script = rest;
        first
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }
}

impl Part<'_> for i8 {
    fn read(script: &mut &[u8]) -> Self {
        u8::read(script) as Self
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(*self as u8);
    }
}

impl Part<'_> for u16 {
    fn read(script: &mut &[u8]) -> Self {
        Self::from_le_bytes([u8::read(script), u8::read(script)])
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.to_le_bytes());
    }
}

impl Part<'_> for i16 {
    fn read(script: &mut &[u8]) -> Self {
        u16::read(script) as Self
    }

    fn write(&self, out: &mut Vec<u8>) {
        (*self as u16).write(out);
    }
}

/// Bytes after their length; what is not there is left out.
impl<'a> Part<'a> for &'a [u8] {
    fn read(script: &mut &'a [u8]) -> Self {
        let length = usize::from(u16::read(script)).min(script.len());
        let (text, rest) = script.split_at(length);
        *script = rest;
        text
    }

    fn write(&self, out: &mut Vec<u8>) {
        u16::try_from(self.len()).expect("invariant: seeds are short").write(out);
        out.extend_from_slice(self);
    }
}

const STEPS: u8 = 16;

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
            Step::Raw(9, b"raw"),
            Step::Again(Again { back: 1, link: 2, place: 3000, flip: 4 }),
            Step::Pass(1000),
            Step::Sleep(65_535),
            Step::Drive(-1, 1, 1389, 900),
            Step::Input(b"input"),
            Step::Beacon(envelope, Beacon { age_ms: -5, floods: 0x8001, ..Beacon::default() }),
            Step::Hazard(envelope, Event { detected_ms: -7, radius: 1000, ..Event::default() }),
            Step::Relay(Relay { back: 1, link: 2, forwarder: 3, remaining_hops: 4, form: 5 }),
            Step::Template(envelope, Template { which: 1, age_ms: 2, sequence: 3, place: 4, flip: 5 }),
            Step::Crowd(Crowd { kind: 1, count: 2, from: 3, form: 4 }),
            Step::Revoke(Revoke { carrier: 255, named: 7, age_s: -1, ..Revoke::default() }),
            Step::Back(3),
            Step::Idle(),
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
        assert_eq!(Step::read(&mut [2, 1, 200, 0, 5].as_slice()), Some(Step::Raw(1, &[5])));
        assert_eq!(Step::read(&mut [].as_slice()), None);
    }
}
