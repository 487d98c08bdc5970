//! `$since`: after an event that the client has, at a time, or so long ago.

use fluentcast_broadcast::history::{Epoch, Position};
use fluentcast_broadcast::hub::Start;
use fluentcast_event::EventTime;

use super::query::{duration, position};

/// Reads `epoch:seq`, a time (RFC 3339) or a duration before `now`; with an epoch also a bare number of
/// it.
///
/// # Errors
/// A sentence for whoever wrote it.
pub(super) fn parse(text: &str, epoch: Option<Epoch>, now: EventTime) -> Result<Start, String> {
    if let Some(position) = position(text) {
        return Ok(Start::After(position));
    }
    let number = text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    match (number, epoch) {
        (Some(seq), Some(epoch)) => return Ok(Start::After(Position { epoch, seq })),
        (Some(_), None) => {
            return Err(format!(
                "`$since={text}`: a number needs its epoch, as the hello message names it: `$since=epoch:{text}`."
            ));
        }
        (None, _) => {}
    }
    if let Some(ago) = duration(text) {
        let seconds = i64::try_from(ago.as_secs()).unwrap_or(i64::MAX);
        return Ok(Start::Time(EventTime { seconds: now.seconds.saturating_sub(seconds), nanos: now.nanos }));
    }
    // A plus in a URL is a blank, and stands in every other zone.
    let time = text.replace(' ', "+").parse::<jiff::Timestamp>().map_err(|_| {
        format!(
            "`$since={text}`: say where to begin as `epoch:seq`, as a time such as `2026-01-31T12:00:00Z`, \
             or as a duration such as `30s`, `5m`, `2h` or `1d`."
        )
    })?;
    let nanos = time.as_nanosecond();
    Ok(Start::Time(EventTime {
        seconds: i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(0),
        nanos: u32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form() {
        let now = EventTime { seconds: 1000, nanos: 7 };
        let at = |seconds, nanos| Ok(Start::Time(EventTime { seconds, nanos }));
        let after = |seq| Ok(Start::After(Position { epoch: Epoch(0xab), seq }));
        for (text, start) in [
            ("00000000000000ab:17", after(17)),
            ("5m", at(700, 7)),
            ("30s", at(970, 7)),
            ("1970-01-01T00:00:01.5Z", at(1, 500_000_000)),
            ("1970-01-01T01:00:01 01:00", at(1, 0)),
            ("1969-12-31T23:59:59.5Z", at(-1, 500_000_000)),
        ] {
            assert_eq!(parse(text, None, now), start, "{text}");
        }
        assert_eq!(parse("17", Some(Epoch(0xab)), now), after(17));
        for text in ["17", "", "5", "5w", "m", "yesterday", "ab:17", "+5m", "99999999999999999999d"] {
            assert!(parse(text, None, now).expect_err(text).contains("$since="), "{text}");
        }
    }
}
