use std::sync::Arc;

use fluentcast_event::{BatchBuilder, EventTime, Tag};

use super::*;
use crate::encode::{Format, Shape};
use crate::filter::Filter;
use crate::hub::Hub;
use crate::view::{View, ViewKey, Wake, Worker};

struct NoWake;

impl Wake for NoWake {
    fn wake(&self, _: Worker, _: &Arc<View>) {}
}

const EVENT: &[u8] = b"\x82\x02\x91\x80";

fn subscribed(events: u64) -> (Arc<Hub>, Session) {
    let hub = Arc::new(Hub::new(100, 1, Arc::new(NoWake)));
    publish(&hub, events);
    let shape = Shape { format: Format::Msgpack, add_tag: false, add_time: false };
    let (subscription, cursor) = hub.subscribe(&ViewKey { shape, filter: Filter::default() }, Worker(0));
    (hub, Session::subscribed(subscription, cursor, 1000))
}

/// Each event is the frame [`EVENT`].
fn publish(hub: &Hub, events: u64) {
    let mut batch = BatchBuilder::new(Tag::from("t"), EventTime::default());
    (0..events).for_each(|_| batch.push(EventTime::default(), b"\x80"));
    let batch = batch.finish();
    let mut publish = std::pin::pin!(hub.publish(&batch));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(publish.as_mut().poll(&mut context).is_ready());
}

use std::future::Future;

/// Writes at most so many bytes, as a socket would take them.
fn write(session: &mut Session, bytes_max: usize) -> Vec<u8> {
    let mut written = Vec::new();
    while written.len() < bytes_max {
        let mut slices = Vec::new();
        session.gather(&mut slices, 4, bytes_max - written.len());
        let mut bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        bytes.truncate(bytes_max - written.len());
        if bytes.is_empty() {
            break;
        }
        session.written(bytes.len());
        written.extend(bytes);
    }
    written
}

fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    [&[0x80 | opcode, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0], payload].concat()
}

#[test]
fn a_pong_goes_between_two_frames() {
    let (_hub, mut session) = subscribed(3);
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
    let (_hub, mut session) = subscribed(0);
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
    let (_hub, mut session) = subscribed(0);
    for _ in 0..1000 {
        session.received(&mut masked(9, &[7; 125]), |_, _, _, _| {});
    }
    assert!(write(&mut session, usize::MAX).len() <= PONG_BACKLOG_BYTES_MAX + 127);
}

#[test]
fn closing_for_lag_ends_the_frame_frees_the_log_and_says_1013() {
    let (hub, mut session) = subscribed(0);
    publish(&hub, 3);
    let view = Arc::clone(session.subscription().unwrap().view());
    view.start_sweep(Worker(0));
    assert!(session.lags(view.end(), 7) && !session.lags(view.end(), 8), "12, less the next frame");
    assert_eq!(write(&mut session, 5), [EVENT, b"\x82"].concat());
    assert!(session.lags(view.end(), 3) && !session.lags(view.end(), 4), "7, less the rest of a frame");
    assert_eq!(session.close(CloseReason::Lagging), 4);
    assert_eq!(hub.views(), 0, "the client is off its view at once");
    let rest = write(&mut session, usize::MAX);
    assert_eq!(rest[..3], EVENT[1..]);
    assert_eq!(rest[3..7], [0x88, u8::try_from(rest.len() - 5).unwrap(), 0x03, 0xf5]);
    assert!(!session.is_finished(), "the client's close frame is awaited");
    session.received(&mut masked(8, b"\x03\xf5"), |_, _, _, _| {});
    assert!(session.is_finished());
    assert_eq!(session.closing(), Some(CloseReason::Lagging));
}

#[test]
fn history_is_no_lag() {
    let (hub, mut session) = subscribed(50);
    let view = Arc::clone(session.subscription().unwrap().view());
    assert!(!session.lags(view.end(), 0));
    publish(&hub, 2);
    view.start_sweep(Worker(0));
    assert!(session.lags(view.end(), 3) && !session.lags(view.end(), 4));
    write(&mut session, 204);
    assert!(!session.lags(view.end(), 0), "one frame more is none too many");
}

#[test]
fn a_close_frame_is_echoed_and_ends_it() {
    for (sent, answer) in [(&b"\x03\xe8bye"[..], &b"\x88\x02\x03\xe8"[..]), (b"", b"\x88\x00")] {
        let (_hub, mut session) = subscribed(0);
        session.received(&mut masked(8, sent), |_, _, _, _| {});
        assert_eq!(write(&mut session, usize::MAX), answer);
        assert!(session.is_finished());
    }
}

#[test]
fn a_protocol_error_is_said_and_nothing_awaited() {
    let (_hub, mut session) = subscribed(0);
    session.received(&mut [0xff, 0xff], |_, _, _, _| {});
    let said = write(&mut session, usize::MAX);
    assert_eq!((said[0], &said[2..4]), (0x88, &1002u16.to_be_bytes()[..]));
    assert!(session.is_finished());
}

#[test]
fn draining_sends_everything_first() {
    let (hub, mut session) = subscribed(0);
    publish(&hub, 2);
    session.subscription().unwrap().view().start_sweep(Worker(0));
    session.close_at_end(CloseReason::GoingAway);
    assert_eq!(session.closing(), None);
    let said = write(&mut session, usize::MAX);
    assert_eq!(said[..8], [EVENT, EVENT].concat());
    assert_eq!((said[8], &said[10..12]), (0x88, &1001u16.to_be_bytes()[..]));
    assert_eq!(session.closing(), Some(CloseReason::GoingAway));
}

#[test]
fn a_lost_connection_needs_nobody() {
    let (_hub, mut session) = subscribed(1);
    session.close(CloseReason::Lost);
    write(&mut session, usize::MAX);
    assert!(session.is_finished());
}

#[test]
fn data_reaches_the_caller_and_is_answered_in_order() {
    let mut session = Session::new(1000);
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
