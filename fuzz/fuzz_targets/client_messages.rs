//! What clients of the resumable stream say: JSON and MessagePack mean the same, nothing is understood by half, and
//! what is asked for can be judged.

#![no_main]

use fluentcast_server::websocket::messages::{self, Said};
use fluentcast_server::websocket::query::{self, Query};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let said = messages::read(data);
    if let Ok(Said::Subscribe(changes)) = &said {
        let pairs: query::Pairs = changes.iter().flat_map(|(_, pairs)| pairs.clone()).collect();
        for (name, values) in changes {
            let names = |value: &str| value == name || name == messages::WHERE;
            assert!(values.iter().all(|(value, _)| names(value)), "{name} changes something else");
        }
        // No message is a way to another token.
        assert!(query::token(&pairs).is_none());
        let _ = Query::read(&pairs, None);
    }
    // Said in the other form, it is the same.
    if let Ok(value) = serde_json::from_slice::<serde_json::Value>(data) {
        let packed = rmp_serde::to_vec(&value).expect("every JSON value can be packed");
        if value.is_object() {
            assert_eq!(messages::read(&packed), said);
        }
    }
    // A URL with it in is judged as well.
    let pairs = query::pairs(&String::from_utf8_lossy(data));
    let _ = Query::read(&pairs, None);
});
