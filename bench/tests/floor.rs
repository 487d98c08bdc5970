//! The floor loses nothing and repeats nothing, in each kind of scenario it takes part in: what is
//! compared with it must not be compared with a server that cheats.

use fluentcast_bench::measure::{Options, run};
use fluentcast_bench::scenario::{Audience, Length, Scenario, named};
use fluentcast_bench::server::{Kind, Programs};

fn small(scenario: Scenario) {
    let options = Options {
        length: Length::TEST,
        programs: Programs { fluentcast: "/".into(), floor: vec![env!("CARGO_BIN_EXE_floor").into()] },
        perf: None,
    };
    let seen = run(Kind::Floor, &scenario, &options).expect("the run is worth something");
    assert_eq!((seen.lost, seen.duplicated), (0, 0), "{}: {seen:?}", scenario.name);
    assert!(seen.deliveries > 0 && seen.server_cpu_seconds > 0.0, "{}: {seen:?}", scenario.name);
}

#[test]
fn bursts() {
    small(Scenario { clients: 7, ..named("burst-100-json").expect("there") });
    small(Scenario { clients: 2, ..named("large-1-json").expect("there") });
}

#[test]
fn single_events() {
    small(Scenario { clients: 7, ..named("paced-1000-100-msgpack").expect("there") });
}

#[test]
fn a_storm() {
    let storm = named("storm-5000").expect("there");
    small(Scenario { clients: 3, audience: Audience::Storm(20), ..storm });
}
