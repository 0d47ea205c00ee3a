//! What the checks on a frame look at beside the frame.

use crate::base::Moment;
use crate::forward::Forwarder;
use crate::misbehaviour::MisbehaviourDetector;
use crate::trust::Pool;

/// What the checks look at beside the frame.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// When and where it is heard.
    pub moment: &'a Moment,
    /// The station's identities: the one in use and those before and after.
    pub own: &'a Pool,
    /// Whether this station lives among test traffic. Test stations may send as much as they like: the rates
    /// by address, forwarder and signer do not count for them.
    pub test: bool,
    /// One in so many far awareness messages is verified ([`Config::sample_far_awareness`]).
    ///
    /// [`Config::sample_far_awareness`]: crate::base::Config::sample_far_awareness
    pub sample: Option<u8>,
    /// What the stations heard are held for.
    pub watch: &'a MisbehaviourDetector,
    /// Messages of several hops that are known.
    pub floods: &'a Forwarder,
}
