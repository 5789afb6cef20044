//! What each delivery promises, whatever the path and the owners do.

use alloc::vec;
use core::time::Duration;

use super::pair::Pair;

#[test]
fn a_long_unreliable_message_is_never_put_together_from_two() {
    let mut pair = Pair::connected();
    // Of the first one the last fragment is lost.
    pair.client.send(pair.now, 0, &[1; 3_000]).expect("room");
    pair.client.endpoint.flush(pair.now);
    let fragments = pair.client.datagrams(pair.now);
    assert_eq!(fragments.len(), 3);
    for fragment in &fragments[..2] {
        pair.server.take(pair.now, pair.client.address, fragment);
    }
    // Small messages pass, until the ids of all messages have come round.
    for batch in 0..64 {
        for _ in 0..if batch == 0 { 1_023 } else { 1_024 } {
            pair.client.send(pair.now, 0, &[]).expect("room");
        }
        pair.client.endpoint.flush(pair.now);
        pair.run_for(Duration::from_millis(5));
    }
    assert_eq!(pair.server.payloads().len(), 65_535);
    pair.client.send(pair.now, 0, &[2; 3_000]).expect("room");
    pair.client.endpoint.flush(pair.now);
    pair.run_for(Duration::from_millis(5));
    assert_eq!(pair.server.payloads(), [vec![2; 3_000]]);
}
