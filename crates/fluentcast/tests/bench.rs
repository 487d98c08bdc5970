//! The bench still works on the binary as it is: one tiny run of each kind, end to end. What it measures
//! here means nothing; that it finds every event once does.

use fluentcast_bench::measure::{Options, run};
use fluentcast_bench::scenario::{Audience, Length, Scenario, named};
use fluentcast_bench::server::{Kind, Programs};

fn small(scenario: Scenario) {
    let options = Options {
        length: Length::TEST,
        programs: Programs { fluentcast: env!("CARGO_BIN_EXE_fluentcast").into(), floor: Vec::new() },
        perf: None,
    };
    let seen = run(Kind::Fluentcast, &scenario, &options).expect("the run is worth something");
    assert_eq!((seen.lost, seen.duplicated), (0, 0), "{}: {seen:?}", scenario.name);
    assert!(seen.deliveries > 0 && seen.server_cpu_seconds > 0.0, "{}: {seen:?}", scenario.name);
}

#[test]
fn bursts() {
    small(Scenario { clients: 5, ..named("burst-100-json").expect("there") });
    small(Scenario { clients: 5, ..named("burst-100-msgpack").expect("there") });
}

#[test]
fn single_events() {
    small(Scenario { clients: 5, ..named("paced-1000-100-msgpack").expect("there") });
}

#[test]
fn without_clients() {
    small(named("ingest-0").expect("there"));
    small(named("ingest-http-0").expect("there"));
}

#[test]
fn filters() {
    small(Scenario { clients: 10, ..named("filter-own-1000").expect("there") });
    small(Scenario {
        clients: 10,
        audience: Audience::OneFilter(10),
        ..named("filter-shared-1000").expect("there")
    });
}

#[test]
fn clients_that_do_not_read() {
    let unread = named("unread-burst").expect("there");
    small(Scenario { clients: 5, audience: Audience::Unread(2), ..unread });
}

#[test]
fn a_storm() {
    let storm = named("storm-5000").expect("there");
    small(Scenario { clients: 3, audience: Audience::Storm(20), ..storm });
}
