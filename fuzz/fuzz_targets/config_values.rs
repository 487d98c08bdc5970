//! Any text as a value of a parameter: sizes, times, numbers, lists, maps, expressions, zones. A value or a
//! sentence, never a panic; and plain numbers mean the same to the strict reading and the lenient one. (Others do
//! not: `0x1f` is 31 to Ruby's `Integer()` and 0 to its `to_i`.)

#![no_main]

use std::time::Duration;

use fluentcast_config::values::{
    Strictness, boolean, choice, float, integer, list, map, octal, regexp, size, time, zone,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let text = text.as_ref();
    for read in [integer, size] {
        let (strict, lenient) = (read(text, Strictness::Strict), read(text, Strictness::Lenient));
        let is_plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
        if let (Ok(strict), true) = (strict, is_plain) {
            assert_eq!(lenient.map(|lenient| lenient.value), Ok(strict.value));
        }
    }
    for read in [float, time] {
        if let Ok(strict) = read(text, Strictness::Strict) {
            let lenient = read(text, Strictness::Lenient).expect("what is strict is lenient").value;
            assert_eq!(lenient.to_bits(), strict.value.to_bits());
            // Whoever makes a duration of it.
            let _ = Duration::try_from_secs_f64(strict.value);
        }
    }
    assert!(octal(text).is_ok_and(|mode| mode <= 0o7777) || octal(text).is_err());
    let _ = (boolean(text), choice(text, &["json", "msgpack"]), zone(text));
    if let Ok(list) = list(text) {
        assert!(list.len() <= text.len() + 1);
    }
    if let Ok(map) = map(text) {
        assert!(map.len() <= text.len() + 1);
    }
    if let Ok(regexp) = regexp(text) {
        // Bounded, whatever it is.
        let _ = regexp.0.is_match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaab.log\nx");
        let _ = regexp.0.is_match(text);
    }
});
