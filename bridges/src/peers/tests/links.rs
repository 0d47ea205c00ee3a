//! Links between peers that are named.

use super::*;

#[tokio::test]
async fn a_message_told_at_one_unit_is_heard_at_the_other() {
    let [first, second] = pair().await;
    let mut listener = first.hub.listen();
    let hazard = message(Class::D3, 0);
    second.tell(&hazard);
    let heard = heard(&mut listener).await;
    assert_eq!((heard.from.as_str(), heard.message.frame()), ("unit-2", hazard.frame()));
    first.connected(2).await;
    let status = second.until(1, |peer| peer["sent_streams"] == 1).await;
    assert_eq!((&status["path"], &status["state"]), (&"direct".into(), &"connected".into()), "{status}");
}
