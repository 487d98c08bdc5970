//! Any text as a value of a parameter: sizes, times, numbers, lists, maps, expressions, zones. A value or a
//! sentence, never a panic; and what the strict reading takes means the same to the lenient one.

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
        if let Ok(strict) = read(text, Strictness::Strict) {
            assert_eq!(read(text, Strictness::Lenient).map(|lenient| lenient.value), Ok(strict.value));
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
