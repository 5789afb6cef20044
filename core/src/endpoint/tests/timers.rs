//! An endpoint sleeps between its deadlines, and keeps each of them.

use super::frames::end_of;
use super::pair::Pair;
use crate::Farewell;

#[test]
fn an_end_that_must_wait_for_the_path_does_not_spin() {
    let mut pair = Pair::connected();
    // Bulk fills the congestion window, and no answer comes.
    for _ in 0..40 {
        pair.server
            .send(pair.now, 3, &[1; 4_000])
            .expect("the queue has room");
    }
    pair.server.endpoint.flush(pair.now);
    let _ = pair.server.datagrams(pair.now);
    // The peer lies: the connection ends at once.
    pair.attack(&[0x7F]);
    assert_quiet(&mut pair);
    let peer = pair.server.peer.expect("connected");
    let mut slow = Pair::connected();
    for _ in 0..40 {
        slow.server
            .send(slow.now, 3, &[1; 4_000])
            .expect("the queue has room");
    }
    slow.server.endpoint.flush(slow.now);
    let _ = slow.server.datagrams(slow.now);
    slow.server
        .endpoint
        .disconnect(slow.now, peer, Farewell::default());
    assert_quiet(&mut slow);
}

/// Runs the server alone to the end: it sleeps between its deadlines.
fn assert_quiet(pair: &mut Pair) {
    let mut wakes = 0;
    loop {
        let _ = pair.server.datagrams(pair.now);
        pair.server.poll();
        let Some(next) = pair.server.endpoint.poll_timeout() else {
            break;
        };
        assert!(next > pair.now, "busy loop at {}", pair.now);
        pair.now = next;
        pair.server.endpoint.handle_timeout(pair.now);
        wakes += 1;
        assert!(wakes < 100, "it never ends");
    }
    end_of(&pair.server.events);
}
