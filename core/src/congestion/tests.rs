//! What every controller must keep, and words for their own tests.

use core::num::NonZeroU64;
use core::str::FromStr;

use proptest::prelude::*;

use super::*;
use crate::config::Config;
use crate::wire::Reader;

const SIZE: u64 = 1_200;

pub(super) fn acked(millis: u64, bytes: u64) -> AckedPacket {
    AckedPacket {
        now: Instant::from_millis(millis),
        bytes,
        is_app_limited: false,
        is_in_recovery: false,
    }
}

const ALL: [CongestionControl; 5] = [
    CongestionControl::Game,
    CongestionControl::Bbr,
    CongestionControl::NewReno,
    CongestionControl::Cubic,
    CongestionControl::Fixed {
        bytes_per_second: NonZeroU64::new(125_000).expect("not zero"),
    },
];

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Send(u64),
    Ack {
        bytes: u64,
        app_limited: bool,
        in_recovery: bool,
    },
    Progress {
        round_trip_us: Option<u64>,
        lost_bytes: u64,
        rate: Option<u64>,
        round: bool,
    },
    Event,
    Marked,
    Spurious,
    Persistent,
    TakeOver(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u64..200_000).prop_map(Step::Wait),
        8 => (1u64..1_500).prop_map(Step::Send),
        16 => (1u64..1_500, any::<bool>(), any::<bool>())
            .prop_map(|(bytes, app_limited, in_recovery)| Step::Ack { bytes, app_limited, in_recovery }),
        16 => (
            prop::option::of(prop_oneof![0u64..2_000_000, Just(u64::MAX / 4)]),
            0u64..10_000,
            prop::option::of(prop_oneof![0u64..10_000_000, any::<u64>()]),
            any::<bool>(),
        )
            .prop_map(|(round_trip_us, lost_bytes, rate, round)| Step::Progress { round_trip_us, lost_bytes, rate, round }),
        3 => Just(Step::Event),
        2 => Just(Step::Marked),
        1 => Just(Step::Spurious),
        1 => Just(Step::Persistent),
        1 => prop_oneof![0u64..1_000_000, Just(u64::MAX / 2)].prop_map(Step::TakeOver),
    ]
}

fn play(controller: &mut dyn Controller, now: &mut Instant, step: &Step) {
    match *step {
        Step::Wait(micros) => *now = *now + core::time::Duration::from_micros(micros),
        Step::Send(bytes) => controller.on_sent(*now, bytes, bytes * 3),
        Step::Ack {
            bytes,
            app_limited,
            in_recovery,
        } => controller.on_acked(&AckedPacket {
            now: *now,
            bytes,
            is_app_limited: app_limited,
            is_in_recovery: in_recovery,
        }),
        Step::Progress {
            round_trip_us,
            lost_bytes,
            rate,
            round,
        } => {
            controller.on_progress(&Progress {
                now: *now,
                acked_bytes: 2_000,
                lost_bytes,
                sent_in_flight: 12_000,
                round_trip_us,
                is_round_start: round,
                rate: rate.map(|bytes_per_second| RateSample {
                    bytes_per_second,
                    is_app_limited: bytes_per_second % 2 == 0,
                }),
                is_app_limited: rate.is_some_and(|rate| rate % 2 == 0),
                delivered: now.as_nanos() / 1_000,
                prior_delivered: lost_bytes,
                lost_since_sent: lost_bytes,
                in_flight: round_trip_us.unwrap_or(0),
            });
        }
        Step::Event => {
            controller.on_packet_lost(&LostPacket {
                now: *now,
                number: now.as_nanos(),
                bytes: 1_200,
                sent_in_flight: 12_000,
                lost: 1_200,
                delivered: now.as_nanos() / 1_000,
                is_app_limited: false,
            });
            controller.on_congestion_event();
        }
        Step::Marked => controller.on_marked(),
        Step::Spurious => controller.on_spurious_event(),
        Step::Persistent => controller.on_persistent_congestion(),
        Step::TakeOver(window) => controller.take_over(window),
    }
}

fn saved(controller: &dyn Controller) -> Vec<u8> {
    let mut out = Vec::new();
    controller.save(&mut out);
    out
}

proptest! {
    /// Whatever happens, in whatever order, two datagrams may be in flight, nothing overflows, and a controller that is
    /// read from a checkpoint goes on as the one that was written.
    #[test]
    fn no_history_starves_a_connection_or_is_lost_in_a_checkpoint(
        which in 0..ALL.len(),
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let mut controller = ALL[which].controller(SIZE, 7);
        let mut now = Instant::from_millis(1);
        for (index, step) in steps.iter().enumerate() {
            if index == steps.len() / 2 {
                let bytes = saved(&*controller);
                let config = Config::default();
                let mut loader = Loader::new(Reader::new(&bytes), &config);
                let mut again = loader.field::<Box<dyn Controller>>("controller").expect("just written");
                let mut then = now;
                steps[index..].iter().for_each(|step| play(&mut *again, &mut then, step));
                let mut first = ALL[which].controller(SIZE, 7);
                let mut then = Instant::from_millis(1);
                steps.iter().for_each(|step| play(&mut *first, &mut then, step));
                prop_assert_eq!(saved(&*again), saved(&*first));
            }
            play(&mut *controller, &mut now, step);
            prop_assert!(controller.window() >= 2 * SIZE, "{:?}", controller);
            prop_assert!(controller.pacing_rate().is_none_or(|rate| rate > 0), "{:?}", controller);
        }
    }
}

#[test]
fn persistent_congestion_leaves_two_datagrams_to_every_controller() {
    for choice in ALL {
        let mut controller = choice.controller(SIZE, 7);
        for millis in 1..200 {
            controller.on_acked(&acked(millis, SIZE));
        }
        controller.on_congestion_event();
        controller.on_persistent_congestion();
        assert_eq!(controller.window(), 2 * SIZE, "{choice}");
    }
}

/// But for a fixed rate, which asks nothing of the path.
#[test]
fn a_mark_makes_every_window_smaller_and_no_late_packet_undoes_it() {
    for (choice, permille) in [
        (CongestionControl::Game, 850),
        (CongestionControl::NewReno, 500),
        (CongestionControl::Cubic, 850),
        (ALL[4], 1_000),
    ] {
        let mut controller = choice.controller(SIZE, 7);
        controller.take_over(120_000);
        let before = controller.window();
        controller.on_marked();
        let after = controller.window();
        assert_eq!(after, before * permille / 1_000, "{choice}");
    }
}

#[test]
fn every_name_is_read_as_it_is_written() {
    for choice in ALL {
        let name = alloc::string::ToString::to_string(&choice);
        assert_eq!(CongestionControl::from_str(&name), Ok(choice));
        let mut bytes = Vec::new();
        choice.put(&mut bytes);
        assert_eq!(
            CongestionControl::read(&mut Reader::new(&bytes)),
            Ok(choice)
        );
    }
    for name in ["", "Cubic", "fixed", "fixed:", "fixed:0", "fixed:-1"] {
        assert!(CongestionControl::from_str(name).is_err(), "{name}");
    }
}
