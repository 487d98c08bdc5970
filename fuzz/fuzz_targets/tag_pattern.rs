//! Any text as a tag pattern, asked about any tag: an answer in bounded time, the one that a matcher which
//! shares no idea with the real one gives, and never a contradiction between what covers what and who takes
//! what.

#![no_main]

use fluentcast_broadcast::tags::TagChoice;
use fluentcast_event::pattern::TagPattern;
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/event/src/pattern/tests/naive.rs"]
mod naive;

/// The naive matcher tries everything.
const NAIVE_BYTES_MAX: usize = 20;
const NAIVE_WILDCARDS_MAX: usize = 5;
const NAIVE_TAG_BYTES_MAX: usize = 10;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let (Some(broad), Some(narrow)) = (lines.next(), lines.next()) else { return };
    let tags: Vec<&str> = lines.chain(["", "a", "a.b"]).collect();
    choose(&text, &tags);
    let Ok(broad) = TagPattern::parse(broad) else { return };
    for tag in &tags {
        compare(&broad, tag);
    }
    let Ok(narrow) = TagPattern::parse(narrow) else { return };
    let covers = broad.covers(&narrow);
    for tag in tags {
        assert!(!broad.takes_everything() || broad.matches(tag), "{broad:?} {tag:?}");
        assert!(!covers || !narrow.matches(tag) || broad.matches(tag), "{broad:?} {narrow:?} {tag:?}");
    }
});

/// As a client asks: all lines at once, in whatever order.
fn choose(text: &str, tags: &[&str]) {
    let Ok(choice) = TagChoice::parse(text.lines()) else { return };
    let Ok(again) = TagChoice::parse(text.lines().rev()) else { panic!("the order decides") };
    assert_eq!(choice, again);
    for tag in tags {
        assert_eq!(choice.takes(tag), again.takes(tag));
        assert!(!choice.takes_everything() || choice.takes(tag));
    }
}

/// Where it is affordable and of the characters that the naive matcher knows.
fn compare(pattern: &TagPattern, tag: &str) {
    let matches = pattern.matches(tag);
    let glob = pattern.as_str();
    let known = |text: &str| text.bytes().all(|byte| b"ab.*{},\\".contains(&byte));
    let wildcards = glob.bytes().filter(|byte| b"*,".contains(byte)).count();
    if !glob.is_empty()
        && glob.len() <= NAIVE_BYTES_MAX
        && wildcards <= NAIVE_WILDCARDS_MAX
        && tag.len() <= NAIVE_TAG_BYTES_MAX
        && known(glob)
        && known(tag)
    {
        assert_eq!(matches, naive::matches(glob, tag), "{glob:?} on {tag:?}");
    }
}
