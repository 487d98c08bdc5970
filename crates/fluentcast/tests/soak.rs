//! The soak, for a minute and with few clients: nobody misses an event, and the server holds nothing at the end
//! that it did not hold at the beginning. The long one is `cargo xtask soak`.

use fluentcast_bench::soak::{Plan, run, table};

#[test]
fn clients_that_come_and_go_in_every_way_miss_nothing_and_leave_nothing_behind() {
    let outcome =
        run(env!("CARGO_BIN_EXE_fluentcast").as_ref(), Plan::TEST).expect("the server lives through it");
    println!("{}", table(&outcome));
    assert!(outcome.faults().is_empty(), "{:#?}", outcome.faults());
    let tally = &outcome.tally;
    // Otherwise it has shown little.
    assert!(tally.lives > 3 * Plan::TEST.clients as u64 && tally.events > outcome.sent, "{tally:?}");
    for how in ["left with everything", "reset", "reset, came back", "half closed", "deaf, then reset"] {
        assert!(tally.ends.contains_key(how), "nobody {how}: {:?}", tally.ends);
    }
}
