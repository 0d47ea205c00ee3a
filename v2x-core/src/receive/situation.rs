//! Context of the checks on a frame: time, identities, neighbours, configuration.

use crate::base::Moment;
use crate::forward::Forwarder;
use crate::misbehaviour::MisbehaviourDetector;
use crate::send::SignedLog;
use crate::trust::Pool;

/// What the checks need besides the frame.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Current time and place.
    pub moment: &'a Moment,
    /// The station's identities: the one in use and those before and after.
    pub own: &'a Pool,
    /// Whether this station lives among test traffic. Test stations may send as much as they like: the rates
    /// by address, forwarder and signer do not count for them.
    pub test: bool,
    /// One in this many far awareness messages is verified ([`Config::sample_far_awareness`]).
    ///
    /// [`Config::sample_far_awareness`]: crate::base::Config::sample_far_awareness
    pub sample: Option<u8>,
    /// Trust levels of the stations heard.
    pub watch: &'a MisbehaviourDetector,
    /// The messages that this station signed lately.
    pub signed: &'a SignedLog,
    /// Known multi-hop messages.
    pub floods: &'a Forwarder,
}
