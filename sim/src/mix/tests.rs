use super::*;
use crate::{World, ms};
use tickwire_core::Config;

#[test]
fn a_seed_always_draws_the_same_mix_and_others_draw_others() {
    let line = |seed| Mix::draw(seed).to_string();
    assert_eq!(line(7), line(7));
    assert_ne!(line(7), line(8));
    assert!(!line(7).contains('\n'));
}

#[test]
fn any_part_of_a_mix_is_a_mix() {
    for seed in 0..50 {
        let mix = Mix::draw(seed);
        let half: Vec<usize> = (0..mix.troubles().len()).step_by(2).collect();
        let part = mix.only(&half);
        assert_eq!(part.troubles().len(), half.len());
        let mut world = World::new(seed);
        let hosts: Vec<_> = (0..part.hosts())
            .map(|_| world.add(Config::default()))
            .collect();
        let mut play = part.play(&mut world, &hosts);
        while world.now() < play.end() {
            play.advance(&mut world);
            world.run_for(ms(50));
        }
        play.heal(&mut world);
        world.run_for(ms(1));
        assert!(hosts.iter().all(|host| !world.is_down(*host)));
    }
}

#[test]
fn a_mix_of_nothing_does_nothing() {
    let mix = Mix::draw(7).only(&[]);
    assert!(mix.troubles().is_empty());
    assert!(mix.to_string().starts_with("seed 7: "));
}
