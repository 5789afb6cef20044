use super::*;

/// 10 MB a second.
const FAST: u64 = 10_000_000;

/// Probes a way of this MTU until the search is over; how many probes it took.
fn search(mtu: &mut Mtu, path_size: usize) -> u32 {
    let now = Instant::from_millis(5);
    for probes in 0..100 {
        let Some(size) = mtu.probe_size(now, FAST) else {
            return probes;
        };
        mtu.on_probe_sent(size);
        assert_eq!(mtu.probe_size(now, FAST), None, "one at a time");
        if size <= path_size {
            mtu.on_probe_acked(now, size);
        } else {
            mtu.on_probe_lost(now, size);
        }
        mtu.audit().expect("within its bounds");
    }
    panic!("the search never ends");
}

/// So many packets above 548 and 1,200 bytes were lost in a row.
const fn lost(beyond_floor: u32, beyond_base: u32) -> Suspicion {
    Suspicion {
        beyond_floor,
        beyond_base,
        is_silent: false,
    }
}

#[test]
fn nobody_probes_who_sends_short_messages_or_switched_it_off() {
    let mut brief = Mtu::new(true, 1_452);
    brief.want(WORTH_PROBES as usize - 1);
    assert_eq!(search(&mut brief, 1_452), 0, "little that is long");
    let mut off = Mtu::new(false, 1_452);
    off.want(WORTH_PROBES as usize);
    assert_eq!((search(&mut off, 1_452), off.size()), (0, 1_200));
    assert!(!off.on_losses(lost(100, 100)));
}

#[test]
fn nobody_probes_above_1200_bytes_where_a_long_datagram_holds_the_path() {
    let now = Instant::from_millis(5);
    let mut mtu = Mtu::new(true, 1_452);
    mtu.want(WORTH_PROBES as usize);
    // 1,452 bytes in 5 ms are 290,400 in a second.
    assert_eq!(mtu.probe_size(now, 0), None, "nothing is known");
    assert_eq!(mtu.probe_size(now, 290_399), None);
    assert_eq!(mtu.probe_size(now, 290_400), Some(1_452));
    let mut short = Mtu::new(true, 1_452);
    short.begin_at_floor();
    short.want(549);
    assert_eq!(short.probe_size(now, 0), Some(1_200), "others have 1,200");
}

#[test]
fn every_size_is_found_to_within_a_step() {
    for path_size in 1_200..=1_452 {
        let mut mtu = Mtu::new(true, 1_452);
        mtu.want(WORTH_PROBES as usize);
        let probes = search(&mut mtu, path_size);
        assert!(mtu.size() <= path_size && path_size < mtu.size() + STEP + 1);
        assert!(probes <= 15, "{probes} probes for {path_size}");
    }
}

#[test]
fn what_the_interface_does_not_take_is_not_tried_again_and_not_sent() {
    let now = Instant::from_millis(5);
    for mtu_of_interface in [600, 1_199, 1_200, 1_300, 1_452] {
        let mut mtu = Mtu::new(true, 1_452);
        mtu.want(WORTH_PROBES as usize);
        let mut refused = 0;
        if mtu.size() > mtu_of_interface {
            assert!(mtu.on_too_long(now, mtu.size()));
            refused += 1;
        }
        while let Some(size) = mtu.probe_size(now, FAST) {
            mtu.on_probe_sent(size);
            if size > mtu_of_interface {
                assert!(!mtu.on_too_long(now, size), "it was only a probe");
                refused += 1;
                // What loss detection says of it later is no news.
                mtu.on_probe_lost(now, size);
            } else {
                mtu.on_probe_acked(now, size);
            }
            mtu.audit().expect("within its bounds");
        }
        assert!(mtu.size() <= mtu_of_interface && mtu_of_interface <= mtu.size() + STEP);
        assert!(refused <= 8, "{refused} refused of {mtu_of_interface}");
    }
}

#[test]
fn an_interface_says_nothing_of_what_every_way_carries_or_nobody_looks_for() {
    let now = Instant::from_millis(5);
    let mut mtu = Mtu::new(true, 1_452);
    assert!(!mtu.on_too_long(now, DATAGRAM_FLOOR) && mtu.size() == DATAGRAM_BASE);
    let mut off = Mtu::new(false, 1_452);
    assert!(!off.on_too_long(now, DATAGRAM_BASE) && off.size() == DATAGRAM_BASE);
}

#[test]
fn after_a_black_hole_it_falls_to_what_arrives_and_searches_anew() {
    let mut mtu = Mtu::new(true, 1_452);
    mtu.want(WORTH_PROBES as usize);
    search(&mut mtu, 1_452);
    assert_eq!(mtu.size(), 1_452);
    assert!(!mtu.on_losses(lost(3, BLACK_HOLE_LOSSES - 1)));
    assert!(mtu.on_losses(lost(3, BLACK_HOLE_LOSSES)));
    assert_eq!(mtu.size(), 1_200);
    assert!(!mtu.on_losses(lost(3, BLACK_HOLE_LOSSES)), "it is 1,200");
    assert!(mtu.on_losses(lost(BLACK_HOLE_LOSSES, 0)));
    assert_eq!(mtu.size(), 548);
    assert!(!mtu.may_fall(), "nothing is below");
    search(&mut mtu, 572);
    assert!((556..=572).contains(&mtu.size()), "{}", mtu.size());
}

#[test]
fn it_falls_to_the_floor_at_once_if_only_short_datagrams_arrive() {
    let mut mtu = Mtu::new(true, 1_452);
    mtu.want(WORTH_PROBES as usize);
    search(&mut mtu, 1_452);
    assert!(mtu.on_losses(lost(BLACK_HOLE_LOSSES, BLACK_HOLE_LOSSES)));
    assert_eq!(mtu.size(), 548);
    search(&mut mtu, 1_252);
    assert!((1_236..=1_252).contains(&mtu.size()), "{}", mtu.size());
}

#[test]
fn in_silence_fewer_losses_are_enough() {
    let mut mtu = Mtu::new(true, 1_452);
    let silent = |beyond_floor| Suspicion {
        is_silent: true,
        ..lost(beyond_floor, 0)
    };
    assert!(!mtu.on_losses(lost(SILENT_LOSSES, 0)));
    assert!(!mtu.on_losses(silent(SILENT_LOSSES - 1)));
    assert!(mtu.on_losses(silent(SILENT_LOSSES)));
    assert_eq!(mtu.size(), 548);
}

#[test]
fn a_finished_search_rests_for_ten_minutes() {
    let mut mtu = Mtu::new(true, 1_452);
    mtu.want(WORTH_PROBES as usize);
    search(&mut mtu, 1_300);
    let found = mtu.size();
    mtu.want(WORTH_PROBES as usize);
    assert_eq!(mtu.probe_size(Instant::from_millis(599_000), FAST), None);
    let later = Instant::from_millis(600_005);
    assert_eq!(mtu.probe_size(later, FAST), Some(1_452));
    mtu.on_probe_sent(1_452);
    mtu.on_probe_acked(later, 1_452);
    assert!(mtu.size() > found);
}
