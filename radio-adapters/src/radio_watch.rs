//! Asks the kernel about a radio while it carries a link: how busy its channel is, and how many stations it keeps on it.
//!
//! On a thread of its own, because such a question waits for whoever is setting up an interface, in a call that has no time
//! limit. The thread that carries the link reads atomics and never waits.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::clock::monotonic_ns;
use crate::load::{REPORT_EVERY_NS, SurveyDeltas};
use crate::radio::ChannelLoad;
use crate::realtime;
use crate::wlan::{Survey, Wlan};

/// The kernel's answers about one interface.
pub(crate) trait RadioAnswers: Send + 'static {
    /// The surveys of its channels.
    fn surveys(&mut self) -> io::Result<Vec<Survey>>;
    /// How many stations it keeps an entry of.
    fn stations(&mut self) -> io::Result<u32>;
}

/// The watch over one radio. Dropped, its thread ends after the question it is asking.
pub(crate) struct RadioWatch {
    shared: Arc<Shared>,
    thread: Thread,
    loads_seen: u64,
}

impl RadioWatch {
    /// Begins to ask about the interface of this index; about its stations only with `counts`.
    ///
    /// # Errors
    /// The kernel gives no socket or no thread.
    pub(crate) fn start(index: u32, counts: bool) -> io::Result<Self> {
        Self::of(OfInterface { wlan: Wlan::open()?, index }, counts)
    }

    /// About a kernel that counts as many stations, and measures nothing.
    #[cfg(test)]
    pub(crate) fn counting(count: impl Fn() -> u32 + Send + 'static) -> io::Result<Self> {
        Self::of(tests::Counting(count), true)
    }

    fn of(answers: impl RadioAnswers, counts: bool) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut rounds = Rounds { answers, counts, deltas: SurveyDeltas::default(), round: 0, silent: 0 };
        let told = Arc::clone(&shared);
        let thread = thread::Builder::new().name("radio watch".to_owned()).stack_size(STACK_BYTES).spawn(
            move || {
                realtime::make_ordinary();
                while !told.ending.load(Ordering::Acquire) {
                    rounds.round(monotonic_ns(), &told);
                    thread::park_timeout(Duration::from_nanos(REPORT_EVERY_NS));
                }
            },
        )?;
        Ok(Self { shared, thread: thread.thread().clone(), loads_seen: 0 })
    }

    /// The newest channel load, once.
    pub(crate) fn take_load(&mut self) -> Poll<ChannelLoad> {
        let (number, busy_permille) = unpack(self.shared.load.load(Ordering::Acquire));
        if core::mem::replace(&mut self.loads_seen, number) == number {
            return Poll::Pending;
        }
        Poll::Ready(ChannelLoad { busy_permille: busy_permille as u16, measured: true })
    }

    /// How many stations the kernel keeps, with the number of this count; `None` until there was one.
    pub(crate) fn stations(&self) -> Option<(u64, u32)> {
        Some(unpack(self.shared.stations.load(Ordering::Acquire))).filter(|(number, _)| *number > 0)
    }

    /// Has the task woken when there is something new.
    pub(crate) fn wake(&self, cx: &Context<'_>) {
        let mut waker = match self.shared.waker.try_lock() {
            Ok(waker) => waker,
            Err(TryLockError::Poisoned(waker)) => waker.into_inner(),
            // The other thread is waking: there is something new now.
            Err(TryLockError::WouldBlock) => return cx.waker().wake_by_ref(),
        };
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }
}

impl Drop for RadioWatch {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

impl fmt::Debug for RadioWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RadioWatch").field("stations", &self.stations()).finish_non_exhaustive()
    }
}

/// What the thread has found. Each word is the number of its answer, 40 bits, and the answer, 24 bits.
#[derive(Default)]
struct Shared {
    ending: AtomicBool,
    load: AtomicU64,
    stations: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl Shared {
    fn tell(&self, word: &AtomicU64, answer: u32) {
        let (number, _) = unpack(word.load(Ordering::Relaxed));
        word.store((number + 1) << ANSWER_BITS | u64::from(answer.min(MOST_ANSWER)), Ordering::Release);
        if let Some(waker) = &*self.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake_by_ref();
        }
    }
}

fn unpack(word: u64) -> (u64, u32) {
    (word >> ANSWER_BITS, (word & u64::from(MOST_ANSWER)) as u32)
}

/// What is asked in each round.
struct Rounds<A> {
    answers: A,
    counts: bool,
    deltas: SurveyDeltas,
    round: u64,
    /// Surveys in a row that gave nothing.
    silent: u32,
}

impl<A: RadioAnswers> Rounds<A> {
    fn round(&mut self, now_ns: u64, shared: &Shared) {
        // A driver that does not measure will hardly begin to, and is asked now and then.
        if self.silent < SILENT_ENOUGH || self.round.is_multiple_of(SELDOM) {
            // An error of the moment, or of an interface that is being taken away: its link will hear of that.
            let surveys = self.answers.surveys().unwrap_or_default();
            let times = surveys.iter().any(|survey| survey.in_use && survey.busy_ms.is_some());
            self.silent = if times { 0 } else { self.silent.saturating_add(1) };
            if let Some(load) = self.deltas.take(now_ns, &surveys) {
                shared.tell(&shared.load, u32::from(load.busy_permille));
            }
        }
        if self.counts
            && self.round.is_multiple_of(COUNT_EVERY)
            && let Ok(stations) = self.answers.stations()
        {
            shared.tell(&shared.stations, stations);
        }
        self.round += 1;
    }
}

struct OfInterface {
    wlan: Wlan,
    index: u32,
}

impl RadioAnswers for OfInterface {
    fn surveys(&mut self) -> io::Result<Vec<Survey>> {
        self.wlan.survey(self.index)
    }

    fn stations(&mut self) -> io::Result<u32> {
        Ok(self.wlan.stations(self.index)?.len() as u32)
    }
}

/// Stations are counted once a second: each count is a list of them all.
const COUNT_EVERY: u64 = 2;
/// After this many surveys without times the driver has none.
const SILENT_ENOUGH: u32 = 4;
/// It is then asked every ten seconds.
const SELDOM: u64 = 20;
const ANSWER_BITS: u32 = 24;
const MOST_ANSWER: u32 = (1 << ANSWER_BITS) - 1;
/// It asks, reads answers into the heap, and counts.
const STACK_BYTES: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::testnet::run;
    use crate::wlan::testkernel::{Radio, survey_message};

    /// A driver whose channel is busy for a tenth of the time, and then answers no longer.
    #[derive(Default)]
    struct Driver {
        asked: u64,
        counted: u32,
        silent_from: u64,
    }

    impl RadioAnswers for Driver {
        fn surveys(&mut self) -> io::Result<Vec<Survey>> {
            self.asked += 1;
            let (active_ms, busy_ms) = (Some(self.asked * 500), Some(self.asked * 50));
            let survey = Survey { in_use: true, active_ms, busy_ms, ..Survey::default() };
            match self.asked.cmp(&self.silent_from) {
                core::cmp::Ordering::Less => Ok(vec![survey]),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }

        fn stations(&mut self) -> io::Result<u32> {
            self.counted += 1;
            Ok(self.counted * 10)
        }
    }

    pub(super) struct Counting<F>(pub(super) F);

    impl<F: Fn() -> u32 + Send + 'static> RadioAnswers for Counting<F> {
        fn surveys(&mut self) -> io::Result<Vec<Survey>> {
            Ok(Vec::new())
        }

        fn stations(&mut self) -> io::Result<u32> {
            Ok(self.0())
        }
    }

    fn rounds(driver: Driver, counts: bool) -> Rounds<Driver> {
        Rounds { answers: driver, counts, deltas: SurveyDeltas::default(), round: 0, silent: 0 }
    }

    /// Rounds half a second apart.
    fn run_rounds(rounds: &mut Rounds<Driver>, shared: &Shared, count: u64) {
        for _ in 0..count {
            rounds.round(rounds.round * REPORT_EVERY_NS, shared);
        }
    }

    #[test]
    fn a_load_comes_every_half_second_and_a_count_every_second() {
        let shared = Shared::default();
        let mut rounds = rounds(Driver { silent_from: 100, ..Driver::default() }, true);
        run_rounds(&mut rounds, &shared, 1);
        assert_eq!(unpack(shared.load.load(Ordering::Acquire)), (0, 0), "nothing to compare with");
        assert_eq!(unpack(shared.stations.load(Ordering::Acquire)), (1, 10));
        run_rounds(&mut rounds, &shared, 3);
        assert_eq!(unpack(shared.load.load(Ordering::Acquire)), (3, 100));
        assert_eq!(unpack(shared.stations.load(Ordering::Acquire)), (2, 20));
    }

    #[test]
    fn the_kernel_s_answers_become_a_load_and_a_count() {
        let radio = Radio::new();
        let answers = OfInterface { wlan: Wlan::on(radio.clone()), index: 3 };
        let shared = Shared::default();
        let mut rounds =
            Rounds { answers, counts: true, deltas: SurveyDeltas::default(), round: 0, silent: 0 };
        let mut round = |active: Option<u64>, busy: u64| {
            let before = unpack(shared.load.load(Ordering::Acquire)).0;
            radio.with(|state| {
                state.surveys = vec![
                    survey_message(5890, false, None, None),
                    survey_message(5900, true, active, active.map(|_| busy)),
                ];
                state.stations = (0..rounds.round as u8 + 1).map(|last| [2, 0, 0, 0, 0, last]).collect();
            });
            // A second apart.
            rounds.round(rounds.round * 1_000_000_000, &shared);
            let (number, busy_permille) = unpack(shared.load.load(Ordering::Acquire));
            (number > before).then_some(busy_permille)
        };
        assert_eq!(round(Some(u64::from(u32::MAX) - 9), 400), None);
        assert_eq!(round(Some(990), 640), Some(240), "past 2^32");
        assert_eq!(round(Some(990), 640), None, "it stands still");
        assert_eq!(round(Some(2_990), 840), Some(100), "which that covers");
        assert_eq!(round(Some(10), 1), None, "it went back");
        assert_eq!(round(None, 0), None, "no times");
        assert_eq!(round(Some(1_010), 1), None);
        assert_eq!(round(Some(2_010), 501), Some(500));
        // Every second round: after the first, third, fifth and seventh.
        assert_eq!(unpack(shared.stations.load(Ordering::Acquire)), (4, 7));
    }

    #[test]
    fn a_driver_that_does_not_measure_is_asked_seldom_and_counts_go_on() {
        let shared = Shared::default();
        let mut rounds = rounds(Driver { silent_from: 0, ..Driver::default() }, true);
        run_rounds(&mut rounds, &shared, 100);
        assert_eq!((rounds.answers.asked, rounds.answers.counted), (8, 50));
        assert_eq!(unpack(shared.load.load(Ordering::Acquire)).0, 0);
    }

    #[test]
    fn a_link_that_is_no_ocb_is_not_asked_about_stations() {
        let shared = Shared::default();
        let mut rounds = rounds(Driver::default(), false);
        run_rounds(&mut rounds, &shared, 10);
        assert_eq!((rounds.answers.counted, shared.stations.load(Ordering::Acquire)), (0, 0));
    }

    #[test]
    fn an_answer_beyond_its_bits_is_as_much_as_they_hold() {
        let shared = Shared::default();
        shared.tell(&shared.stations, u32::MAX);
        shared.tell(&shared.stations, 7);
        assert_eq!(unpack(shared.stations.load(Ordering::Acquire)), (2, 7));
    }

    #[test]
    fn news_wakes_the_task_and_each_load_is_taken_once() {
        run(async {
            let driver = Driver { silent_from: u64::MAX, ..Driver::default() };
            let mut watch = RadioWatch::of(driver, true).unwrap();
            let (mut loads, mut counts) = (Vec::new(), Vec::new());
            poll_fn(|cx| {
                watch.wake(cx);
                if let Poll::Ready(load) = watch.take_load() {
                    loads.push(load);
                    assert!(watch.take_load().is_pending());
                }
                counts.extend(watch.stations().filter(|count| counts.last() != Some(count)));
                if loads.is_empty() || counts.is_empty() { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
            assert!(loads[0].measured);
            assert_eq!(counts[0], (1, 10));
        });
    }
}
