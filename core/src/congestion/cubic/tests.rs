use proptest::prelude::*;

use super::super::tests::acked;
use super::*;

const SIZE: u64 = 1_200;

/// In congestion avoidance after one loss at this window, with a round trip of nothing.
fn after_loss(window: u64) -> Cubic {
    let mut cubic = Cubic::new(SIZE);
    cubic.take_over(window);
    cubic.on_congestion_event();
    cubic
}

#[test]
fn a_loss_cuts_to_seven_tenths() {
    assert_eq!(after_loss(120_000).window(), 84_000);
}

/// 100 datagrams, cut to 70: K = (30 / 0.4)^(1/3) s = 4.217 163 s; W(t) = 0.4 (t - K)^3 + 100.
#[test]
fn the_curve_has_the_points_of_the_rfc() {
    let mut cubic = after_loss(100 * SIZE);
    let curve = cubic.begin_curve(Instant::ZERO);
    assert_eq!(curve.rise_us, 4_217_163);
    let points = [
        (0, 70 * SIZE),
        // 100 - 0.4 * 3.217163^3 = 86.680 850 datagrams.
        (1_000_000, 104_017),
        // 100 - 0.4 * 2.217163^3 = 95.640 325.
        (2_000_000, 114_768),
        (4_217_163, 100 * SIZE),
        // 100 + 0.4 * 1.782837^3 = 102.266 697.
        (6_000_000, 122_720),
        // 100 + 0.4 * 5.782837^3 = 177.353 9.
        (10_000_000, 212_824),
    ];
    for (time_us, bytes) in points {
        let height = cubic.height(&curve, time_us);
        assert!(
            height.abs_diff(bytes) <= 1,
            "{time_us}: {height} is not {bytes}"
        );
    }
}

#[test]
fn a_second_loss_below_the_plateau_gives_room_to_others() {
    let mut cubic = after_loss(120_000);
    cubic.on_congestion_event();
    // Section 4.7: W_max = 84,000 * (1 + 0.7) / 2.
    assert_eq!(cubic.plateau, 71_400);
    assert_eq!(cubic.window(), 58_800);
    let mut cubic = after_loss(120_000);
    cubic.take_over(130_000);
    cubic.on_congestion_event();
    assert_eq!(cubic.plateau, 130_000, "none above it");
}

/// Section 4.3: at a short round trip the cubic curve is slower than Reno, which gains 9/17 of a datagram in each.
#[test]
fn it_is_never_slower_than_reno() {
    let mut cubic = after_loss(20 * SIZE);
    let begin = cubic.window();
    for round in 1..=10 {
        let mut bytes = cubic.window();
        while bytes > 0 {
            let packet = bytes.min(SIZE);
            cubic.on_acked(&acked(round * 10, packet));
            bytes -= packet;
        }
    }
    let gained = cubic.window() - begin;
    // The last packets of a round see a window that has grown already: a little less than 10 * 9/17 datagrams.
    assert!((6_200..=6_353).contains(&gained), "{gained}");
}

#[test]
fn the_window_grows_by_half_at_most_in_a_round_trip() {
    let mut cubic = after_loss(20 * SIZE);
    cubic.on_acked(&acked(0, SIZE));
    let window = cubic.window();
    for _ in 0..window / SIZE {
        cubic.on_acked(&acked(3_000_000, SIZE));
    }
    assert!(cubic.window() <= window * 166 / 100, "{}", cubic.window());
    assert!(cubic.window() >= window * 14 / 10, "{}", cubic.window());
}

#[test]
fn idle_time_does_not_count_for_the_curve() {
    let grown = |pause_ms: u64| {
        let mut cubic = after_loss(100 * SIZE);
        cubic.on_acked(&acked(0, SIZE));
        cubic.on_acked(&AckedPacket {
            is_app_limited: true,
            ..acked(pause_ms, SIZE)
        });
        cubic.on_acked(&acked(pause_ms + 1, SIZE));
        cubic.window()
    };
    assert_eq!(grown(1), grown(60_000));
}

#[test]
fn a_loss_that_was_none_is_undone() {
    let mut cubic = after_loss(120_000);
    cubic.on_spurious_event();
    assert_eq!(cubic.window(), 120_000);
    cubic.on_spurious_event();
    assert_eq!(cubic.window(), 120_000);
}

proptest! {
    #[test]
    fn the_cube_root_is_the_largest_integer_below(root in 0u64..2_000_000_000_000, above in 0u128..1_000_000) {
        let cube = u128::from(root).pow(3);
        prop_assert_eq!(cube_root(cube), root);
        let next = u128::from(root + 1).pow(3);
        prop_assert_eq!(cube_root((cube + above).min(next - 1)), root);
    }
}

#[test]
fn the_cube_root_of_the_largest_number_fits() {
    assert_eq!(cube_root(u128::MAX), 6_981_463_658_331);
}
