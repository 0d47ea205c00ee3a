//! Fair shares: a peer that floods takes nothing from the others.

use super::*;

/// A peer with as many signers as it has messages to hand in.
struct Peer {
    number: u16,
    signers: Vec<Crafter>,
    next: usize,
}

impl Peer {
    fn new(number: u16, signers: u32) -> Self {
        let first = 1_000 * u32::from(number);
        Self { number, signers: (first..first + signers).map(Crafter::station).collect(), next: 0 }
    }

    fn hands_in(&mut self, station: &mut Station, at: Instant) {
        let signer = &self.signers[self.next];
        self.next += 1;
        station.feed(at, from_afar(&hazard_of(signer, 1, at), self.number));
    }
}

fn delivered(station: &Station, peer: u16) -> usize {
    received(station).iter().filter(|received| received.way == Way::Afar(peer)).count()
}

/// What was dropped, by peer and reason.
fn dropped(station: &Station) -> BTreeMap<(u16, &'static str), usize> {
    let mut all = BTreeMap::new();
    for event in &station.events {
        if let Event::Dropped(dropped) = event {
            *all.entry((dropped.way.peer().unwrap(), dropped.reason.name())).or_default() += 1;
        }
    }
    all
}

/// Garbage that passes for background in its header, and others that fail their signature.
fn junk() -> Vec<Bytes> {
    let signer = Crafter::station(900);
    let good = background(&signer, ms(5));
    (0..50).map(|n| if n % 2 == 0 { craft::forged(&good, n) } else { good.slice(..20) }).collect()
}

#[test]
fn a_peer_that_floods_first_and_in_between_takes_no_hazard_from_the_others() {
    const FLOODS: u16 = 9;
    let mut station = Station::silent(OWN);
    let junk = junk();
    let mut others: Vec<_> = (1..6).map(|number| Peer::new(number, 20)).collect();
    for step in 0..20_000_u64 {
        let at = ms(10) + Duration::from_micros(100 * step);
        station.feed(at, from_afar(&junk[step as usize % junk.len()], FLOODS));
        // Each ten a second, all at the same time.
        if step % 1_000 == 500 {
            for other in &mut others {
                other.hands_in(&mut station, at);
            }
        }
        station.verify(at);
    }
    for number in 1..6 {
        assert_eq!(delivered(&station, number), 20, "{:?}", dropped(&station));
    }
    let dropped = dropped(&station);
    assert!(dropped.keys().all(|(peer, _)| *peer == FLOODS), "{dropped:?}");
    assert!(dropped[&(FLOODS, "afar_budget")] > 18_000, "{dropped:?}");
}

#[test]
fn whoever_comes_while_the_queue_is_full_of_another_s_frames_finds_room_and_waits_for_one_of_them_at_a_time()
{
    let mut station = Station::silent(OWN);
    let mut flooding = Peer::new(9, limits::MAX_AFAR_WAITING as u32 + 40);
    let mut other = Peer::new(1, 20);
    let mut at = ms(10);
    for n in 0..limits::MAX_AFAR_WAITING + 60 {
        at = at + Duration::from_micros(2_100);
        // Nothing is verified meanwhile.
        if n >= limits::MAX_AFAR_WAITING && n % 3 == 0 {
            other.hands_in(&mut station, at);
        } else {
            flooding.hands_in(&mut station, at);
        }
    }
    assert_eq!(dropped(&station), [((9, "verify_queue_full"), 60)].into());
    station.verify(at);
    assert_eq!(delivered(&station, 1), 20);
    let ways: Vec<_> = received(&station).iter().map(|received| received.way.peer().unwrap()).collect();
    assert_eq!(ways[..6], [9, 1, 9, 1, 9, 1]);
    assert!(ways[40..].iter().all(|peer| *peer == 9));
}

#[test]
fn the_one_with_the_most_waiting_gives_way_its_background_first() {
    let mut station = Station::silent(OWN);
    let (mut flooding, mut other) = (Peer::new(9, 200), Peer::new(1, 60));
    let mut at = ms(10);
    for n in 0..limits::MAX_AFAR_WAITING {
        at = at + Duration::from_micros(2_100);
        match n {
            0..40 => other.hands_in(&mut station, at),
            40..56 => {
                let sign = Crafter::station(600 + n as u32);
                station.feed(at, from_afar(&background(&sign, at), 9));
            }
            _ => flooding.hands_in(&mut station, at),
        }
    }
    for _ in 0..20 {
        at = at + Duration::from_micros(2_100);
        other.hands_in(&mut station, at);
    }
    station.verify(at);
    let of_classes = |class: Class| {
        let of_peer = received(&station).into_iter().filter(|one| one.way == Way::Afar(9));
        of_peer.filter(|one| one.id.class == class).count()
    };
    assert_eq!((delivered(&station, 1), of_classes(Class::D5), of_classes(Class::D3)), (60, 0, 196));
    assert_eq!(dropped(&station), [((9, "verify_queue_full"), 20)].into());
}

#[test]
fn many_peers_get_no_more_than_a_few_and_one_among_them_gets_its_part() {
    let junk = junk();
    let [few, many] = [2, 10_000_u64].map(|peers| {
        let mut station = Station::silent(OWN);
        let mut honest = Peer::new(50_000, 4);
        for step in 0..20_000_u64 {
            let at = ms(10) + Duration::from_micros(100 * step);
            station.feed(at, from_afar(&junk[step as usize % junk.len()], (step % peers) as u16));
            if step % 5_000 == 2_000 && peers < 10 {
                honest.hands_in(&mut station, at);
            }
            station.verify(at);
        }
        for table in station.node.tables() {
            assert!(table.held <= table.limit, "{table:?}");
        }
        if peers < 10 {
            assert_eq!(delivered(&station, 50_000), 4);
        }
        let dropped = station.drops();
        let handed_in: usize = dropped.values().sum::<usize>() + station.received();
        handed_in - dropped["afar_budget"]
    });
    let most = limits::AFAR_BURST as usize + limits::AFAR_RATE.most_in(Duration::from_secs(2));
    assert!(few <= most && many <= most, "{few} and {many} of {most} were looked at");
    assert!(few > 1_000, "{few}");
}

#[test]
fn a_peer_that_goes_away_gives_its_share_back() {
    let mut station = Station::silent(OWN);
    let junk = junk();
    for step in 0..5_000_u64 {
        let at = ms(10) + Duration::from_micros(100 * step);
        for peer in 2..6 {
            station.feed(at, from_afar(&junk[step as usize % junk.len()], peer));
        }
        station.verify(at);
    }
    let held = |station: &Station| {
        let mut tables = station.node.tables();
        tables.find(|table| table.name == "peers with frames from afar").unwrap().held
    };
    assert_eq!(held(&station), 4);
    // Half a second later all of a burst is the next one's.
    let mut late = Peer::new(1, limits::AFAR_BURST);
    for _ in 0..limits::AFAR_BURST {
        late.hands_in(&mut station, ms(1_010));
    }
    station.verify(ms(1_010));
    assert_eq!((held(&station), delivered(&station, 1)), (1, limits::AFAR_BURST as usize));
}
