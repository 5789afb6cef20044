//! Fragments that a peer made up.

use super::*;

#[test]
fn fragments_that_cannot_be_end_the_connection() {
    let piece = [7; 300];
    for channel in [UNRELIABLE, SEQUENCED, RELIABLE, ORDERED] {
        let verdict = |offset, total, bytes: &[u8]| {
            verdict_on(&message(channel, 1, Some((offset, total)), bytes))
        };
        for (offset, total) in [(0, 0), (0, 299), (301, 600), (u32::MAX, 600), (u32::MAX, 0)] {
            assert_eq!(
                verdict(offset, total, &piece),
                Some(Violation::BadFragment),
                "{offset}/{total}"
            );
        }
        assert_eq!(verdict(0, 600, &[]), Some(Violation::BadFragment));
        assert_eq!(
            verdict(0, 600, &piece[..FRAGMENT_LEN_MIN - 1]),
            Some(Violation::BadFragment)
        );
        assert_eq!(verdict(0, u32::MAX, &piece), Some(Violation::TooLarge));
        assert_eq!(
            verdict(u32::MAX - 1, u32::MAX, &piece),
            Some(Violation::TooLarge)
        );
        assert_eq!(verdict(300, 600, &piece), None);
    }
}

/// Datagrams became shorter, or longer: what comes again is cut at other places.
#[test]
fn fragments_may_overlap_and_be_followed_by_all_of_it() {
    let bytes: Vec<u8> = (0..900u32).map(|byte| byte as u8).collect();
    for channel in [RELIABLE, ORDERED] {
        for last in [None, Some((500, 900))] {
            let mut court = Court::new();
            for (start, end) in [(300, 600), (0, 128), (100, 700)] {
                let part = &bytes[start as usize..end];
                court.says(&message(channel, 0, Some((start, 900)), part));
            }
            let rest = last.map_or(0, |(start, _)| start as usize);
            court.says(&message(channel, 0, last, &bytes[rest..]));
            assert_eq!(court.heard(), core::slice::from_ref(&bytes));
            assert_eq!(court.verdict(), None);
        }
    }
}

#[test]
fn fragments_that_contradict_each_other_end_the_connection() {
    for channel in [UNRELIABLE, RELIABLE, ORDERED] {
        let mut court = Court::new();
        court.says(&message(channel, 1, Some((0, 900)), &[7; 300]));
        court.says(&message(channel, 1, Some((300, 901)), &[7; 300]));
        assert_eq!(court.verdict(), Some(Violation::BadFragment));
    }
    let mut court = Court::new();
    court.says(&message(RELIABLE, 1, Some((0, 900)), &[7; 300]));
    court.says(&message(RELIABLE, 1, None, b"whole after all"));
    assert_eq!(court.verdict(), Some(Violation::BadFragment));
}

#[test]
fn fragments_of_more_than_the_largest_message_end_the_connection() {
    for channel in [UNRELIABLE, RELIABLE] {
        let mut court = Court::new();
        for index in 0..100 {
            court.says(&message(
                channel,
                1,
                Some((1_100 * index, 110_000)),
                &[7; 1_100],
            ));
        }
        assert_eq!(court.verdict(), Some(Violation::TooLarge));
    }
}

/// One fragment each of as many messages as there are ids: nothing is ever complete.
#[test]
fn a_bomb_of_first_fragments_stays_within_the_credit() {
    for channel in [RELIABLE, ORDERED] {
        let mut court = Court::new();
        for id in 0..MESSAGE_WINDOW {
            court.says(&message(channel, id, Some((0, 256 * 200)), &[7; 256]));
        }
        assert_eq!(court.verdict(), Some(Violation::OverCredit));
    }
    for channel in [UNRELIABLE, SEQUENCED] {
        let mut court = Court::new();
        for id in 0..20_000 {
            court.says(&message(channel, id, Some((0, 256 * 200)), &[7; 256]));
        }
        let peer = court.server.first_peer().expect("connected");
        assert!(peer.inbox.buffered_bytes() <= 256 * 1024);
        assert_eq!(court.verdict(), None);
        let peer = court.server.first_peer();
        assert_eq!(
            peer.map_or(0, |peer| peer.inbox.buffered_bytes()),
            0,
            "all has expired"
        );
    }
}
