use std::sync::Arc;

use super::*;
use crate::encode::Format;
use crate::hub::Start;
use crate::testing::told::{Told, gap, numbers};
use crate::testing::{Client, Rig, key, options, resumable, written as write};
use crate::view::{ViewKey, Worker};

/// An event in the frame of the classic stream without tag and time.
const EVENT: &[u8] = b"\x82\x02\x91\x80";

fn bare() -> ViewKey {
    let mut key = key((Protocol::Classic, Format::Msgpack));
    key.shape.add_tag = false;
    key.shape.add_time = false;
    key
}

/// A client of the classic stream that is to be replayed so many events, and is.
fn subscribed(events: u64) -> (Rig, Session) {
    let rig = Rig::buffering(100);
    publish(&rig, events);
    let mut client = rig.client(&bare(), Start::Default);
    while client.step() {}
    (rig, client.session)
}

/// Each event is the frame [`EVENT`].
fn publish(rig: &Rig, events: u64) {
    use fluentcast_event::{BatchBuilder, EventTime, Tag};
    let mut batch = BatchBuilder::new(Tag::from("t"), EventTime::default());
    (0..events).for_each(|_| batch.push(EventTime::default(), b"\x80"));
    crate::testing::now(rig.hub.publish(&batch.finish()));
}

fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    [&[0x80 | opcode, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0], payload].concat()
}

/// Moves the client to another stream, as the answer to its `subscribe`.
fn resubscribe(rig: &Rig, client: &mut Client, start: Start, greeting: Greeting) {
    let leaves = client.session.subscription().map(|subscription| Arc::clone(subscription.view()));
    let opening = rig.hub.subscribe(&resumable(), Worker(0), start, true, leaves.as_deref());
    client.session.begin(opening, greeting);
}

#[test]
fn a_pong_goes_between_two_frames() {
    let (_rig, mut session) = subscribed(3);
    let mut all = write(&mut session, 6);
    session.received(&mut masked(9, b"hi"), |_, _, _, _| {});
    all.extend(write(&mut session, 1));
    session.received(&mut masked(9, b"yo"), |_, _, _, _| {});
    all.extend(write(&mut session, usize::MAX));
    assert_eq!(all, [EVENT, EVENT, b"\x8a\x02hi", b"\x8a\x02yo", EVENT].concat());
}

/// What else waits, a long event or an answer to data, leaves pings their room.
#[test]
fn pings_are_answered_however_much_waits_before_the_pongs() {
    let (_rig, mut session) = subscribed(0);
    let long = vec![b'x'; 2 * PONG_BACKLOG_BYTES_MAX];
    for _ in 0..2 {
        let mut bytes = [masked(1, b"data"), masked(9, b"hi")].concat();
        session.received(&mut bytes, |_, _, _, replies| frame::write(replies, Opcode::Text, &long));
        assert_eq!(write(&mut session, 5).len(), 5);
    }
    let said = write(&mut session, usize::MAX);
    assert_eq!(said.windows(4).filter(|bytes| bytes == b"\x8a\x02hi").count(), 2);
    for _ in 0..40 {
        session.received(&mut masked(9, &[7; 125]), |_, _, _, _| {});
    }
    write(&mut session, usize::MAX);
    session.received(&mut masked(9, b"hi"), |_, _, _, _| {});
    assert_eq!(write(&mut session, usize::MAX), b"\x8a\x02hi", "room again");
}

#[test]
fn a_flood_of_pings_is_not_queued_without_end() {
    let (_rig, mut session) = subscribed(0);
    for _ in 0..1000 {
        session.received(&mut masked(9, &[7; 125]), |_, _, _, _| {});
    }
    assert!(write(&mut session, usize::MAX).len() <= PONG_BACKLOG_BYTES_MAX + 127);
}

#[test]
fn closing_for_lag_ends_the_frame_frees_the_log_and_says_1013() {
    let (rig, mut session) = subscribed(0);
    publish(&rig, 3);
    let view = Arc::clone(session.subscription().unwrap().view());
    view.start_sweep(Worker(0));
    assert!(session.lags(view.end(), 7) && !session.lags(view.end(), 8), "12, less the next frame");
    assert_eq!(write(&mut session, 5), [EVENT, b"\x82"].concat());
    assert!(session.lags(view.end(), 3) && !session.lags(view.end(), 4), "7, less the rest of a frame");
    assert_eq!(session.close(CloseReason::Lagging), 4);
    assert_eq!(rig.hub.views(), 0, "the client is off its view at once");
    let rest = write(&mut session, usize::MAX);
    assert_eq!(rest[..3], EVENT[1..]);
    assert_eq!(rest[3..7], [0x88, u8::try_from(rest.len() - 5).unwrap(), 0x03, 0xf5]);
    assert!(!session.is_finished(), "the client's close frame is awaited");
    session.received(&mut masked(8, b"\x03\xf5"), |_, _, _, _| {});
    assert!(session.is_finished());
    assert_eq!(session.closing(), Some(CloseReason::Lagging));
}

#[test]
fn history_is_no_lag_but_what_comes_meanwhile_is() {
    let (rig, mut session) = subscribed(50);
    let view = Arc::clone(session.subscription().unwrap().view());
    assert!(!session.lags(view.end(), 0));
    publish(&rig, 2);
    view.start_sweep(Worker(0));
    assert!(session.lags(view.end(), 3) && !session.lags(view.end(), 4));
    write(&mut session, 204);
    assert!(!session.lags(view.end(), 0), "one frame more is none too many");
    let mut waits = rig.client(&bare(), Start::Last(10));
    publish(&rig, 2);
    view.start_sweep(Worker(0));
    assert!(waits.session.lags(view.end(), 3), "whoever is still being replayed has its place");
    let under_way = waits.session.next_step();
    assert!(waits.session.lags(view.end(), 3) && under_way.is_some());
}

#[test]
fn a_close_frame_is_echoed_and_ends_it() {
    for (sent, answer) in [(&b"\x03\xe8bye"[..], &b"\x88\x02\x03\xe8"[..]), (b"", b"\x88\x00")] {
        let (_rig, mut session) = subscribed(0);
        session.received(&mut masked(8, sent), |_, _, _, _| {});
        assert_eq!(write(&mut session, usize::MAX), answer);
        assert!(session.is_finished());
    }
}

#[test]
fn a_protocol_error_is_said_and_nothing_awaited() {
    let (_rig, mut session) = subscribed(0);
    session.received(&mut [0xff, 0xff], |_, _, _, _| {});
    let said = write(&mut session, usize::MAX);
    assert_eq!((said[0], &said[2..4]), (0x88, &1002u16.to_be_bytes()[..]));
    assert!(session.is_finished());
}

#[test]
fn draining_sends_everything_first_swept_or_not() {
    let (rig, mut session) = subscribed(0);
    publish(&rig, 2);
    session.close_at_end(CloseReason::GoingAway);
    assert_eq!(session.closing(), None);
    let said = write(&mut session, usize::MAX);
    assert_eq!(said[..8], [EVENT, EVENT].concat());
    assert_eq!((said[8], &said[10..12]), (0x88, &1001u16.to_be_bytes()[..]));
    assert_eq!(session.closing(), Some(CloseReason::GoingAway));
}

#[test]
fn draining_waits_for_the_replay() {
    let mut rig = Rig::buffering(100);
    rig.publish(3);
    let mut client = rig.client(&resumable(), Start::Default);
    client.session.close_at_end(CloseReason::GoingAway);
    rig.publish(1);
    let told = client.read_all();
    assert_eq!(numbers(&told), [1, 2, 3]);
    assert_eq!(told.last(), Some(&Told::Close(Some(1001))));
}

#[test]
fn a_lost_connection_needs_nobody() {
    let (_rig, mut session) = subscribed(1);
    session.close(CloseReason::Lost);
    write(&mut session, usize::MAX);
    assert!(session.is_finished());
}

#[test]
fn data_reaches_the_caller_and_is_answered_in_order() {
    let mut session = Session::new(bare().shape, 1000);
    let mut got = Vec::new();
    let mut bytes = [masked(1, b"abc"), vec![0xff, 0xff]].concat();
    session.received(&mut bytes, |text, part, last, replies| {
        got.push((text, part.to_vec(), last));
        frame::write(replies, Opcode::Text, part);
    });
    assert_eq!(got, [(true, b"abc".to_vec(), true)]);
    let said = write(&mut session, usize::MAX);
    assert_eq!(&said[..6], b"\x81\x03abc\x88", "the answer comes before the close");
}

#[test]
fn one_message_per_segment_and_notices_between() {
    for form in crate::testing::SHAPES.into_iter().filter(|(protocol, _)| protocol.has_notices()) {
        let mut rig = Rig::buffering(100);
        let mut client = rig.client(&key(form), Start::Now);
        client.read_all();
        let begun = client.ear.messages;
        rig.publish(20);
        rig.publish(30);
        rig.wakes.sweep();
        assert_eq!(client.read(100), [], "not whole yet");
        client.session.ping();
        let told = client.read_all();
        assert_eq!(numbers(&told).len(), 50);
        assert_eq!((client.ear.messages - begun, told.last()), (2, Some(&Told::Ping)), "{form:?}");
    }
}

#[test]
fn a_skip_is_told_where_it_was_made_in_every_form() {
    for form in crate::testing::SHAPES {
        let mut rig = Rig::buffering(0);
        let mut client = rig.client(&key(form), Start::Now);
        client.read_all();
        rig.publish(10);
        rig.wakes.sweep();
        let mut told = client.read(20);
        rig.publish(10);
        let skipped = client.session.skip();
        rig.publish(10);
        rig.wakes.sweep();
        told.extend(client.read_all());
        // The classic stream has a frame per event, the others one for the ten.
        let (sent, missing) = if form.0 == Protocol::Classic { (1, 19) } else { (10, 10) };
        assert_eq!((skipped.to, skipped.events), (20, missing), "{form:?}");
        let mut expected: Vec<Told> = (1..=sent).map(Told::Event).collect();
        if form.0.has_notices() {
            expected.push(gap(11, 20, Some(10), "slow"));
        }
        expected.extend((21..=30).map(Told::Event));
        assert_eq!(told, expected, "{form:?}");
        let id = client.ear.last_id.map(|id| id.rsplit_once(':').unwrap().1.to_owned());
        assert_eq!(id, (form.0 == Protocol::EventStream).then(|| "30".to_owned()));
    }
}

#[test]
fn many_skips_are_one_gap_once_there_is_room() {
    let mut rig = Rig::buffering(0);
    let mut client = rig.client(&resumable(), Start::Now);
    rig.publish(1);
    client.session.skip();
    rig.publish(2);
    client.session.skip();
    rig.publish(3);
    client.session.skip();
    assert_eq!(client.session.skip().events, 0);
    rig.publish(1);
    rig.wakes.sweep();
    assert_eq!(client.read_all()[1..], [gap(1, 6, Some(6), "slow"), Told::Event(7)]);
}

/// A view may have been there long before the client.
#[test]
fn no_gap_reaches_back_to_before_the_client() {
    let mut rig = Rig::buffering(0);
    let of_a = crate::testing::of_tags(resumable(), &["a"]);
    let _early = rig.client(&of_a, Start::Now);
    rig.publish_as("a", 1);
    rig.publish_as("b", 9);
    let mut skips = rig.client(&of_a, Start::Now);
    let mut moves = rig.client(&of_a, Start::Now);
    rig.publish_as("a", 2000);
    let skipped = skips.session.skip();
    assert_eq!((skipped.from, skipped.to, skipped.events), (11, 2010, 2000));
    resubscribe(&rig, &mut moves, Start::Now, Greeting::Subscribed);
    assert_eq!(moves.read_all()[1], gap(11, 2010, None, "slow"));
}

#[test]
fn what_was_skipped_during_a_replay_is_told_behind_it() {
    let mut rig = Rig::buffering(5);
    rig.publish(5);
    let mut client = rig.client(&resumable(), Start::Default);
    rig.publish(3);
    let skipped = client.session.skip();
    assert_eq!((skipped.from, skipped.to), (6, 8));
    client.step();
    rig.publish(2);
    client.session.skip();
    rig.publish(1);
    rig.wakes.sweep();
    let told = client.read_all();
    assert_eq!(numbers(&told), [1, 2, 3, 4, 5, 11]);
    assert_eq!(told[6..], [gap(6, 10, Some(5), "slow"), Told::Event(11)]);
}

#[test]
fn who_leaves_with_much_unread_is_told_a_gap_and_is_no_flood() {
    let mut rig = Rig::buffering(0);
    let mut client = rig.client(&resumable(), Start::Now);
    client.read_all();
    for _ in 0..20 {
        rig.publish(100);
        resubscribe(&rig, &mut client, Start::Now, Greeting::Subscribed);
        assert!(!client.session.is_flooding());
    }
    let told = client.read_all();
    let sent = numbers(&told).len() as u64;
    let told_missing: u64 = told
        .iter()
        .map(|told| match told {
            Told::Gap { from, to: Some(to), .. } => to + 1 - from,
            _ => 0,
        })
        .sum();
    assert!(sent > 0 && told_missing > 0, "{sent} and {told_missing}");
    assert_eq!(sent + told_missing, 2000);
}

#[test]
fn a_gap_that_was_to_be_told_is_told_before_the_next_stream() {
    let mut rig = Rig::buffering(100);
    for from_memory in [true, false] {
        let mut client = rig.client(&resumable(), Start::Now);
        let first = rig.next;
        rig.publish(3);
        let skipped = client.session.skip();
        rig.publish(2);
        let start = if from_memory { rig.after(skipped.to) } else { Start::Now };
        resubscribe(&rig, &mut client, start, Greeting::None);
        rig.publish(1);
        rig.wakes.sweep();
        let told = client.read_all();
        let expected = [gap(first, first + 2, Some(3), "slow")].into_iter();
        assert_eq!(told[1..], expected.chain((first + 3..first + 6).map(Told::Event)).collect::<Vec<_>>());
    }
}

#[test]
fn who_is_moved_during_a_replay_is_told_what_it_does_not_get() {
    let mut rig = Rig::buffering(100);
    rig.publish(10);
    let mut client = rig.client(&resumable(), Start::Last(5));
    client.read_all();
    let mut client = rig.client(&resumable(), Start::Last(5));
    client.read(usize::MAX);
    rig.publish(5);
    let skipped = client.session.skip();
    rig.publish(1);
    resubscribe(&rig, &mut client, rig.after(skipped.to), Greeting::None);
    assert_eq!(client.read_all(), [gap(6, 15, None, "slow"), Told::Event(16)]);
}

#[test]
fn a_client_that_says_where_to_begin_gets_just_that() {
    let mut rig = Rig::buffering(100);
    let mut client = rig.client(&resumable(), Start::Now);
    rig.publish(4);
    rig.wakes.sweep();
    resubscribe(&rig, &mut client, rig.after(1), Greeting::Subscribed);
    let expected = [Told::Subscribed { seq: 4, oldest: 1 }, Told::Event(2), Told::Event(3), Told::Event(4)];
    assert_eq!(client.read_all()[1..], expected);
}

/// The step of a replay that its client has left meanwhile comes to nothing.
#[test]
fn a_stale_step_changes_nothing() {
    let mut rig = Rig::buffering(100);
    rig.publish(4);
    let mut client = rig.client(&resumable(), Start::Last(4));
    let mut stale = client.session.next_step().unwrap();
    assert!(client.session.next_step().is_none(), "one step at a time");
    resubscribe(&rig, &mut client, Start::Last(2), Greeting::Subscribed);
    let views = rig.hub.views();
    stale.step();
    client.session.replayed(stale);
    assert_eq!(rig.hub.views(), views);
    let told = client.read_all();
    assert_eq!(numbers(&told), [3, 4]);
    let mut stale = rig.client(&resumable(), Start::Last(4)).session.next_step().unwrap();
    stale.step();
    client.session.replayed(stale);
    rig.publish(1);
    rig.wakes.sweep();
    assert_eq!(client.read_all(), [Told::Event(5)]);
}

#[test]
fn a_question_that_makes_no_sense_is_answered_and_a_flood_of_them_ends_it() {
    let rig = Rig::buffering(0);
    let mut client = rig.client(&resumable(), Start::Now);
    client.session.refuse("what?");
    assert_eq!(client.read_all()[1..], [Told::Error("what?".to_owned())]);
    let asked = (0..10_000).take_while(|_| {
        client.session.refuse("what?");
        !client.session.is_flooding()
    });
    assert!((100..9_999).contains(&asked.count()));
    client.read_all();
    assert!(!client.session.is_flooding(), "it has read them");
    client.session.close(CloseReason::Flooding);
    client.session.refuse("too late");
    assert_eq!(client.read_all(), [Told::Close(Some(1008))]);
}

/// Whoever reads an HTTP answer knows whether it was all.
#[test]
fn an_answer_that_breaks_off_has_no_last_chunk() {
    for (reason, last) in
        [(CloseReason::Complete, true), (CloseReason::GoingAway, true), (CloseReason::Lagging, false)]
    {
        let mut rig = Rig::buffering(0);
        let mut client = rig.client(&key((Protocol::Lines, Format::Json)), Start::Now);
        rig.publish(3);
        rig.wakes.sweep();
        client.read(5);
        client.session.close(reason);
        let told = client.read_all();
        assert_eq!(numbers(&told), [1, 2, 3], "the chunk that was begun is ended");
        assert_eq!(told.last() == Some(&Told::End), last, "{reason:?}");
        assert!(client.session.is_finished() && client.ear.is_between_messages());
    }
}

#[test]
fn flush_intervals_are_nothing_to_a_drain() {
    let interval = std::time::Duration::from_secs(3600);
    let mut rig = Rig::new(hub::Options { flush_interval: interval, ..options(0) });
    let mut client = rig.client(&resumable(), Start::Now);
    rig.publish(3);
    assert_eq!(numbers(&client.read_all()), [0; 0]);
    client.session.close_at_end(CloseReason::GoingAway);
    assert_eq!(client.numbers(), [1, 2, 3]);
}
