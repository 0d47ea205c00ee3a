//! What kind of thing a station of a trace is.

/// Kind of station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum StationKind {
    /// A passenger car, and any unknown type.
    #[default]
    Passenger,
    /// A bus or coach.
    Bus,
    /// A truck, trailer or delivery vehicle.
    Truck,
    /// A motorcycle or moped.
    Motorcycle,
    /// A bicycle.
    Bicycle,
    /// A person on foot.
    Pedestrian,
    /// A tram.
    Tram,
    /// A train, above or below ground.
    Train,
    /// An ambulance, fire engine or police car.
    Emergency,
    /// A roadside unit, which does not move.
    Roadside,
}

impl StationKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Passenger,
        Self::Bus,
        Self::Truck,
        Self::Motorcycle,
        Self::Bicycle,
        Self::Pedestrian,
        Self::Tram,
        Self::Train,
        Self::Emergency,
        Self::Roadside,
    ];

    /// The kind a SUMO vehicle type (or class) name suggests, by the words in it; passenger when it suggests none.
    ///
    /// Words end at anything but a letter and where a capital follows a small letter; case does not matter. Whole words
    /// count, and endings of compounds that no other word has: `citybus` is a bus, and `equipped` not a person on
    /// foot.
    pub fn from_type_name(name: &str) -> Self {
        for word in words(name) {
            if let Some((_, kind)) = WORDS.iter().find(|(known, _)| word == *known) {
                return *kind;
            }
            if let Some((_, kind)) = ENDINGS.iter().find(|(ending, _)| word.ends_with(ending)) {
                return *kind;
            }
        }
        Self::Passenger
    }

    /// The SUMO vehicle class of this kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passenger => "passenger",
            Self::Bus => "bus",
            Self::Truck => "truck",
            Self::Motorcycle => "motorcycle",
            Self::Bicycle => "bicycle",
            Self::Pedestrian => "pedestrian",
            Self::Tram => "tram",
            Self::Train => "train",
            Self::Emergency => "emergency",
            Self::Roadside => "roadside",
        }
    }
}

/// The words of a name, in small letters.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for letter in name.chars() {
        let ends = !letter.is_ascii_alphabetic() || letter.is_ascii_uppercase() && after_small;
        if ends {
            words.push(String::new());
        }
        if letter.is_ascii_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.push(letter.to_ascii_lowercase());
        }
        after_small = letter.is_ascii_lowercase();
    }
    words.into_iter().filter(|word| !word.is_empty())
}

/// SUMO's vehicle classes and default types, and what people call their types, some in German.
const WORDS: &[(&str, StationKind)] = &[
    ("bus", StationKind::Bus),
    ("coach", StationKind::Bus),
    ("truck", StationKind::Truck),
    ("trailer", StationKind::Truck),
    ("delivery", StationKind::Truck),
    ("lorry", StationKind::Truck),
    ("hgv", StationKind::Truck),
    ("lkw", StationKind::Truck),
    ("motorcycle", StationKind::Motorcycle),
    ("motorbike", StationKind::Motorcycle),
    ("moped", StationKind::Motorcycle),
    ("scooter", StationKind::Motorcycle),
    ("bicycle", StationKind::Bicycle),
    ("bike", StationKind::Bicycle),
    ("biketype", StationKind::Bicycle),
    ("cyclist", StationKind::Bicycle),
    ("fahrrad", StationKind::Bicycle),
    ("pedestrian", StationKind::Pedestrian),
    ("pedtype", StationKind::Pedestrian),
    ("ped", StationKind::Pedestrian),
    ("person", StationKind::Pedestrian),
    ("wheelchair", StationKind::Pedestrian),
    ("tram", StationKind::Tram),
    ("train", StationKind::Train),
    ("rail", StationKind::Train),
    ("subway", StationKind::Train),
    ("ambulance", StationKind::Emergency),
    ("emergency", StationKind::Emergency),
    ("police", StationKind::Emergency),
    ("fire", StationKind::Emergency),
    ("firebrigade", StationKind::Emergency),
    ("firetruck", StationKind::Emergency),
    ("roadside", StationKind::Roadside),
    ("rsu", StationKind::Roadside),
];
/// Endings of compounds.
const ENDINGS: &[(&str, StationKind)] = &[
    ("bus", StationKind::Bus),
    ("truck", StationKind::Truck),
    ("trailer", StationKind::Truck),
    ("motorcycle", StationKind::Motorcycle),
    ("bicycle", StationKind::Bicycle),
    ("cyclist", StationKind::Bicycle),
    ("pedestrian", StationKind::Pedestrian),
    ("ambulance", StationKind::Emergency),
];

#[cfg(test)]
mod tests {
    use super::StationKind as Kind;

    #[test]
    fn kinds_follow_the_words_of_the_type() {
        for (name, kind) in [
            ("passenger2b", Kind::Passenger),
            ("DEFAULT_VEHTYPE", Kind::Passenger),
            ("robust_car", Kind::Passenger),
            ("PKW", Kind::Passenger),
            ("equipped", Kind::Passenger),
            ("unequipped", Kind::Passenger),
            ("vanilla", Kind::Passenger),
            ("trained_driver", Kind::Passenger),
            ("citybus_1", Kind::Bus),
            ("truck", Kind::Truck),
            ("LKW", Kind::Truck),
            ("veh_LKW_special", Kind::Truck),
            ("moped", Kind::Motorcycle),
            ("DEFAULT_BIKETYPE", Kind::Bicycle),
            ("DEFAULT_PEDTYPE", Kind::Pedestrian),
            ("myPed", Kind::Pedestrian),
            ("DEFAULT_RAILTYPE_rail", Kind::Train),
            ("rail_urban", Kind::Train),
            ("tram", Kind::Tram),
            ("ambulance", Kind::Emergency),
            ("policeCar", Kind::Emergency),
            ("emergency1", Kind::Emergency),
            ("rsu_1", Kind::Roadside),
            ("roadside", Kind::Roadside),
        ] {
            assert_eq!(Kind::from_type_name(name), kind, "{name}");
        }
    }
}
