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
    /// A roadside unit, which does not move.
    Roadside,
}

impl StationKind {
    /// The kind a SUMO vehicle type (or class) name suggests, by the words in it; passenger when it suggests none.
    pub fn from_type_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let words = || name.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
        let any = |endings: &[&str]| words().any(|word| endings.iter().any(|e| word.ends_with(e)));
        if any(&["bus", "coach"]) {
            Self::Bus
        } else if any(&["truck", "trailer", "delivery", "lorry", "hgv"]) {
            Self::Truck
        } else if any(&["motorcycle", "motorbike", "moped", "scooter"]) {
            Self::Motorcycle
        } else if any(&["bicycle", "bike", "biketype", "cyclist"]) {
            Self::Bicycle
        } else if any(&["pedestrian", "pedtype", "ped", "person"]) {
            Self::Pedestrian
        } else if any(&["roadside", "rsu"]) {
            Self::Roadside
        } else {
            Self::Passenger
        }
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
            Self::Roadside => "roadside",
        }
    }
}
