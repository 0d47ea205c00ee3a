//! Which of a receiver's systems have a fix. Receivers mix talkers within one moment (GP for GGA, GN for RMC), and some send
//! a void sentence for a system that is not in use beside a good one.

use core::time::Duration;

use v2x_core::WireTime;

use super::quality::PositionRefusal;
use super::sentence::Kind;

/// The latest statement of each talker in each kind of sentence.
#[derive(Debug, Default)]
pub(super) struct Talkers {
    statements: Vec<Statement>,
}

#[derive(Clone, Copy, Debug)]
struct Statement {
    talker: [u8; 2],
    kind: Kind,
    verdict: Result<(), PositionRefusal>,
    at: WireTime,
}

impl Talkers {
    /// Takes what `talker` says of its fix in a sentence of this `kind`.
    pub fn say(&mut self, talker: [u8; 2], kind: Kind, verdict: Result<(), PositionRefusal>, at: WireTime) {
        let statement = Statement { talker, kind, verdict, at };
        let same = |known: &&mut Statement| (known.talker, known.kind) == (talker, kind);
        if let Some(known) = self.statements.iter_mut().find(same) {
            *known = statement;
            return;
        }
        if self.statements.len() == MOST_STATEMENTS {
            let oldest = (0..MOST_STATEMENTS).min_by_key(|at| self.statements[*at].at);
            self.statements.swap_remove(oldest.expect("the table is full"));
        }
        self.statements.push(statement);
    }

    /// Whether what `talker` says may be believed: nothing it said lately is void, and GSA does not say of all systems that
    /// there is no fix.
    pub fn verdict(&self, talker: [u8; 2], now: WireTime) -> Result<(), PositionRefusal> {
        let own = self.fresh(now).filter(|known| known.talker == talker && known.kind != Kind::Gsa);
        own.map(|known| known.verdict).find(Result::is_err).unwrap_or(Ok(()))?;
        if self.is_void(now) { Err(PositionRefusal::NoFix) } else { Ok(()) }
    }

    /// Whether GSA says of every system that there is no fix.
    pub fn is_void(&self, now: WireTime) -> bool {
        let mut systems = self.fresh(now).filter(|known| known.kind == Kind::Gsa).peekable();
        systems.peek().is_some() && systems.all(|known| known.verdict.is_err())
    }

    /// Whether any talker that gives places may be believed.
    pub fn any_good(&self, now: WireTime) -> bool {
        self.fresh(now).any(|known| {
            known.kind != Kind::Gsa && known.verdict.is_ok() && self.verdict(known.talker, now).is_ok()
        })
    }

    fn fresh(&self, now: WireTime) -> impl Iterator<Item = &Statement> {
        self.statements.iter().filter(move |known| now.since(known.at) <= HOLDS)
    }
}

/// A talker that is silent for longer has nothing to say: two moments of a receiver at 1 Hz, and what a slow line adds.
const HOLDS: Duration = Duration::from_millis(2_500);
/// Five systems and their union, in five kinds.
const MOST_STATEMENTS: usize = 30;
