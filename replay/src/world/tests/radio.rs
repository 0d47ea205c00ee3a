//! Transmitters beside the road: each does what its kind says, in no honest figure, and first.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use v2x_core::{HazardDraft, Imminent, credential_hash, signing_input, strict};
use v2x_proto::Digest;
use v2x_proto::cause;
use v2x_proto::envelope::{EnvelopeError, SignerRef, TbsView};
use v2x_proto::payload::{self, Message};
use v2x_proto::v1::{HazardState, SignalPhase};
use v2x_report::HonestFigures;

use super::*;
use crate::attack::{AttackPlan, RadioAttack, RadioAttackKind as Kind, RadioPost, post_radios};
use crate::run::Camp;

/// Remembers who sent what, and when.
#[derive(Debug)]
struct Listening {
    inner: RangeLimited,
    frames: Arc<Mutex<Vec<Sending>>>,
}

#[derive(Clone, Debug)]
struct Sending {
    sender: u32,
    at_ns: u64,
    bytes: Bytes,
}

impl Medium for Listening {
    fn range_m(&self) -> f64 {
        self.inner.range_m()
    }

    fn reaches(&mut self, station: u32, factor: f64) {
        self.inner.reaches(station, factor);
    }

    fn transmit(
        &mut self,
        ticket: u32,
        transmission: &Transmission<'_>,
        places: &Places,
        fates: &mut Vec<Fate>,
    ) -> TransmissionState {
        let Transmission { sender, at_ns, bytes, .. } = *transmission;
        self.frames.lock().unwrap().push(Sending { sender, at_ns, bytes: bytes.clone() });
        self.inner.transmit(ticket, transmission, places, fates)
    }
}

/// A world of five cars on a line and what was sent in it.
struct Scene {
    counted: Counted,
    frames: Vec<Sending>,
    posts: Vec<RadioPost>,
    plan: AttackPlan,
}

impl Scene {
    fn of(attack: RadioAttack, live: bool) -> Self {
        Self::of_plan(&AttackPlan { radios: vec![attack], ..AttackPlan::default() }, live, 1)
    }

    fn of_plan(plan: &AttackPlan, live: bool, threads: usize) -> Self {
        let mut trace = standing(CARS, 60.0, 30);
        let origin = trace.samples[0].point();
        let posts = post_radios(&mut trace, plan, origin, 300.0).unwrap();
        let frames = Arc::default();
        let medium = Listening { inner: RangeLimited::new(300.0), frames: Arc::clone(&frames) };
        let mut world = World::new(&trace, settings(Verify::Once, threads), Box::new(medium)).unwrap();
        Camp { plan, posts: &posts, live }.enter(&mut world, &trace);
        world.warn_by(Imminent::Regulated);
        let warn = |at_ms: u64| Errand {
            at_ns: at_ms * 1_000_000,
            by: By::Station(2),
            content: Content::Hazard(HazardDraft::new(Class::D0, cause::COLLISION_RISK)),
            due_ns: None,
        };
        world.assign(vec![warn(1_000), warn(2_000)]);
        let end_ns = world.end_ns();
        world.run_until(end_ns);
        let counted = world.finish(end_ns + 500_000_000).unwrap();
        let frames = frames.lock().unwrap().clone();
        Self { counted, frames, posts, plan: plan.clone() }
    }

    /// What the attacker sent.
    fn shots(&self) -> Vec<&Sending> {
        self.frames.iter().filter(|frame| frame.sender >= CARS).collect()
    }

    /// What the cars sent.
    fn honest(&self) -> impl Iterator<Item = &Sending> {
        self.frames.iter().filter(|frame| frame.sender < CARS)
    }

    fn dropped(&self, reason: DropReason) -> u64 {
        self.counted.ledger.drops.get(reason.name()).copied().unwrap_or(0)
    }
}

/// With a wormhole that comes out among the cars, and storms of a size for tests.
fn attack(kind: Kind) -> RadioAttack {
    let attack = RadioAttack::new(kind);
    RadioAttack { exit_m: (100.0, 0.0), rate_per_s: attack.rate_per_s.min(200.0), ..attack }
}

fn live(kind: Kind) -> Scene {
    let scene = Scene::of(attack(kind), true);
    assert!(!scene.shots().is_empty(), "{} sent nothing", kind.name());
    scene
}

fn read(bytes: &Bytes) -> (hop::HopHeader, SignedView<'_>, TbsView<'_>) {
    let (header, len) = hop::parse(bytes).unwrap();
    let signed = SignedView::parse(&bytes[len..]).unwrap();
    let tbs = TbsView::parse(signed.tbs).unwrap();
    (header, signed, tbs)
}

fn signer(bytes: &Bytes) -> Digest {
    match read(bytes).1.signer {
        SignerRef::Digest(digest) => digest,
        SignerRef::Credential(credential) => Digest::of_hash(&credential_hash(credential)),
    }
}

fn cast() -> Cast {
    Cast::new(3, START, Duration::from_secs(3)).unwrap()
}

fn cars() -> Vec<Digest> {
    let cast = cast();
    (0..CARS).map(|car| cast.identity(car, Part::Vehicle).digest()).collect()
}

fn message(bytes: &Bytes) -> Message {
    let (_, _, tbs) = read(bytes);
    payload::decode(tbs.message_type, Bytes::copy_from_slice(tbs.payload)).unwrap()
}

#[test]
fn a_stripped_frame_is_the_same_message_without_its_credential() {
    let scene = live(Kind::Strip);
    for shot in scene.shots() {
        let (_, signed, _) = read(&shot.bytes);
        assert!(matches!(signed.signer, SignerRef::Digest(_)));
        let original = scene
            .honest()
            .find(|sent| sent.at_ns < shot.at_ns && read(&sent.bytes).1.signature == signed.signature);
        let original = original.expect("it was heard before");
        assert!(matches!(read(&original.bytes).1.signer, SignerRef::Credential(_)));
        assert_eq!(signer(&original.bytes), signer(&shot.bytes));
    }
}

#[test]
fn a_forged_forwarder_is_another_station_that_is_there() {
    let attack = RadioAttack { forged_forwarder: true, ..RadioAttack::new(Kind::Strip) };
    let scene = Scene::of(attack, true);
    let cars = cars();
    assert!(scene.shots().len() > 3);
    for shot in scene.shots() {
        let (header, ..) = read(&shot.bytes);
        assert!(cars.contains(&header.forwarder) && header.forwarder_position.is_some());
    }
}

#[test]
fn padding_stands_outside_what_is_signed_and_is_refused() {
    let scene = live(Kind::Pad);
    for shot in scene.shots() {
        let (_, len) = hop::parse(&shot.bytes).unwrap();
        assert_eq!(SignedView::parse(&shot.bytes[len..]), Err(EnvelopeError::NotExact));
        let (_, behind) = SignedView::parse_prefix(&shot.bytes[len..]).unwrap();
        assert_eq!(behind.len(), 600 + 3);
    }
    assert!(scene.dropped(DropReason::UnsignedBytes) > 0, "{:?}", scene.counted.ledger.drops);
}

#[test]
fn a_wormhole_repeats_what_it_hears_at_its_other_end() {
    let attack = RadioAttack { exit_m: (500.0, 0.0), delay_s: 0.05, ..RadioAttack::new(Kind::Wormhole) };
    let scene = Scene::of(attack, true);
    let (entry, exit) = (scene.posts[0].station, scene.posts[0].exit);
    assert_ne!(entry, exit);
    assert!(scene.shots().len() > 50);
    for shot in scene.shots() {
        assert_eq!(shot.sender, exit);
        let original = scene.honest().find(|sent| sent.bytes == shot.bytes).unwrap();
        assert!(shot.at_ns >= original.at_ns + 50_000_000);
    }
}

#[test]
fn forged_warnings_name_a_neighbour_and_their_signatures_do_not_hold() {
    for (names, class) in [(1, Class::D0), (3, Class::D1)] {
        let attack = RadioAttack { names, class, rate_per_s: 100.0, ..RadioAttack::new(Kind::Forged) };
        let scene = Scene::of(attack, true);
        let named: BTreeSet<_> = scene.shots().iter().map(|shot| signer(&shot.bytes)).collect();
        assert_eq!(named.len(), names as usize);
        assert!(named.iter().all(|name| cars().contains(name)));
        assert!(scene.shots().iter().all(|shot| read(&shot.bytes).0.class == class));
        let cast = cast();
        for shot in scene.shots().into_iter().take(20) {
            let (header, signed, _) = read(&shot.bytes);
            let car = cars().iter().position(|car| *car == header.forwarder).unwrap() as u32;
            let identity = cast.identity(car, Part::Vehicle);
            let mut input = Vec::new();
            signing_input(&mut input, identity.hash(), signed.tbs);
            assert!(!strict(identity.key(), &input, signed.signature));
        }
    }
}

#[test]
fn storms_make_their_names_and_credentials_up() {
    for kind in [Kind::CredentialStorm, Kind::NameStorm, Kind::RequestStorm] {
        let scene = live(kind);
        let named: BTreeSet<_> = scene.shots().iter().map(|shot| signer(&shot.bytes)).collect();
        assert_eq!(named.len(), scene.shots().len(), "another name in each frame");
        assert!(named.iter().all(|name| !cars().contains(name)));
        let full = |shot: &&Sending| matches!(read(&shot.bytes).1.signer, SignerRef::Credential(_));
        assert_eq!(scene.shots().iter().all(full), kind == Kind::CredentialStorm);
        let rate = if kind == Kind::RequestStorm { 10.0 } else { 200.0 };
        let most = (scene.plan.radios[0].rate_per_s * 3.0) as usize + 1;
        assert_eq!(scene.plan.radios[0].rate_per_s, rate);
        assert!(scene.shots().len() <= most && scene.shots().len() * 10 > most * 9, "{most}");
    }
}

#[test]
fn copies_of_an_imminent_warning_come_from_three_neighbours_that_never_sent_them() {
    let scene = live(Kind::Copies);
    let warner = cars()[2];
    let mut forwarders = BTreeSet::new();
    for shot in scene.shots() {
        let (header, _, tbs) = read(&shot.bytes);
        assert_eq!((header.class, header.remaining_hops, tbs.max_hops), (Class::D0, 1, 2));
        assert_eq!(signer(&shot.bytes), warner);
        assert!(header.forwarder != warner);
        forwarders.insert(header.forwarder);
    }
    assert_eq!(forwarders.len(), 3);
}

#[test]
fn insiders_sign_what_their_kind_says() {
    let hazards = |kind| {
        let scene = live(kind);
        let hazard = |shot: &&Sending| match message(&shot.bytes) {
            Message::Hazard(hazard) => (read(&shot.bytes).2.area.unwrap(), hazard),
            other => panic!("{other:?}"),
        };
        scene.shots().iter().map(hazard).collect::<Vec<_>>()
    };
    let updates = hazards(Kind::UpdateStorm);
    let numbers: BTreeSet<_> = updates.iter().map(|(_, hazard)| hazard.id.clone().unwrap().number).collect();
    assert_eq!(numbers.len(), updates.len(), "each of another event");
    assert!(updates.iter().all(|(_, hazard)| hazard.state == HazardState::Update as i32));
    for (area, hazard) in hazards(Kind::Marker) {
        assert_eq!(hazard.state, HazardState::New as i32);
        let here = hazard.position.unwrap();
        let here = Position { latitude: here.latitude, longitude: here.longitude };
        let there = Position { latitude: area.latitude, longitude: area.longitude };
        assert!(here.distance_m(there) > 4_900.0);
    }
    for shot in live(Kind::Squatter).shots() {
        let Message::SignalState(state) = message(&shot.bytes) else { panic!("{shot:?}") };
        assert!(state.groups.iter().all(|group| group.phase == SignalPhase::ProtectedGo as i32));
    }
    let revocations = live(Kind::RevocationStorm);
    assert!(
        revocations.shots().iter().all(|shot| matches!(message(&shot.bytes), Message::RevocationDelta(_)))
    );
    let refused = revocations.dropped(DropReason::RevocationInvalid)
        + revocations.dropped(DropReason::RevocationBudget)
        + revocations.dropped(DropReason::RateLimitedSigner);
    assert!(refused > 0, "{:?}", revocations.counted.ledger.drops);
}

#[test]
fn a_clone_signs_as_the_car_next_to_it() {
    let attack = RadioAttack { at_m: Some((125.0, 5.0)), ..RadioAttack::new(Kind::SecondHolder) };
    let scene = Scene::of(attack, true);
    assert!(scene.shots().len() > 20);
    assert!(scene.shots().iter().all(|shot| signer(&shot.bytes) == cars()[2]));
}

#[test]
fn a_copier_says_first_what_a_car_says_and_repeats_the_car() {
    let scene = live(Kind::Copier);
    let own = |shot: &&&Sending| !cars().contains(&signer(&shot.bytes));
    let shots = scene.shots();
    let (signed, repeated): (Vec<&&Sending>, Vec<&&Sending>) = shots.iter().partition(own);
    assert!(signed.len() > 10 && signed.len() == repeated.len());
    for (signed, repeated) in signed.iter().zip(&repeated) {
        assert!(signed.at_ns <= repeated.at_ns);
        let (one, other) = (read(&signed.bytes).2, read(&repeated.bytes).2);
        assert_eq!((one.latitude, one.payload), (other.latitude, other.payload));
    }
    assert!(!cars().contains(&signer(&signed[0].bytes)));
}

#[test]
fn who_speaks_by_its_rate_speaks_before_any_honest_station() {
    for kind in Kind::ALL.iter().filter(|kind| !kind.reacts()) {
        let scene = live(*kind);
        let first = scene.honest().map(|sent| sent.at_ns).min().unwrap();
        assert!(scene.shots()[0].at_ns < first, "{}: {}", kind.name(), scene.shots()[0].at_ns);
    }
}

#[test]
fn no_honest_figure_counts_an_attacker() {
    for kind in Kind::ALL {
        let (without, with) = (Scene::of(attack(*kind), false), live(*kind));
        assert!(without.shots().is_empty());
        for class in Class::ALL {
            let of = |scene: &Scene| {
                let class = scene.counted.ledger.stats.class(class);
                (class.sent, class.expected)
            };
            assert_eq!(of(&with), of(&without), "{} in {}", kind.name(), class.name());
        }
        let mut figures = [HonestFigures::default(), HonestFigures::default()];
        without.counted.toll.fill(&mut figures[0]);
        with.counted.toll.fill(&mut figures[1]);
        let honest: usize = with.honest().map(|sent| sent.bytes.len()).sum();
        assert_eq!((figures[1].frames, figures[1].bytes), (with.honest().count() as u64, honest as u64));
        let shots: usize = with.shots().iter().map(|shot| shot.bytes.len()).sum();
        assert_eq!(with.counted.toll.of_attack(0), (with.shots().len() as u64, shots as u64));
        assert!(figures[0].checks_per_s > 0.0 && figures[0].processor_share.is_none());
    }
}

#[test]
fn an_attack_is_the_same_on_any_number_of_threads_and_another_under_another_seed() {
    let radios = [Kind::Strip, Kind::CredentialStorm, Kind::Copier].map(RadioAttack::new).to_vec();
    let plan = AttackPlan { radios, ..AttackPlan::default() };
    let run =
        |seed, threads| Scene::of_plan(&AttackPlan { seed, ..plan.clone() }, true, threads).counted.digest;
    assert_eq!(run(1, 1), run(1, 3));
    assert_ne!(run(1, 1), run(2, 1));
}

#[test]
fn an_attack_begins_and_ends_when_its_plan_says() {
    for kind in [Kind::Forged, Kind::Wormhole] {
        let attack = RadioAttack { start_s: 1.0, end_s: 2.0, ..attack(kind) };
        let scene = Scene::of(attack, true);
        let times: Vec<_> = scene.shots().iter().map(|shot| shot.at_ns).collect();
        assert!(times.iter().all(|at_ns| (1_000_000_000..2_001_000_000).contains(at_ns)), "{}", kind.name());
        assert!(times.len() > 20);
    }
}

#[test]
fn a_processor_that_takes_its_time_delays_and_is_counted() {
    let slow = |verify_ns| {
        let processor = Some(Processor { verify_ns, sign_ns: 0, frame_ns: 1_000 });
        let plan = AttackPlan { processor, ..AttackPlan::default() };
        let scene = Scene::of_plan(&plan, true, 1);
        let mut figures = HonestFigures::default();
        scene.counted.toll.fill(&mut figures);
        (figures, scene.counted.ledger.stats.class(Class::D2).missed())
    };
    let (fast, missed) = slow(1_000);
    assert!(missed == 0 && fast.overflowed == 0 && fast.processor_share.unwrap() < 0.01, "{fast:?}");
    let (busy, _) = slow(5_000_000);
    // Four others at ten messages a second, each of which takes 5 ms.
    assert!((0.15..0.30).contains(&busy.processor_share.unwrap()), "{busy:?}");
    // With 50 ms each there is more to do than time.
    let (over, missed) = slow(50_000_000);
    assert!(over.processor_share.unwrap() > 0.9 && missed > 100, "{over:?} {missed}");
}

const CARS: u32 = 5;
