//! Text of strangers on a terminal: shown so that it cannot drive the terminal or turn the line around.
//!
//! Everything that `tail` and `send` print and did not write themselves goes through here.

/// Whether the character acts on a terminal or on the order of what is shown, or is not seen at all.
/// The joiners that emoji and several scripts need are none of these.
pub(crate) fn is_hostile(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The text with every hostile character written as JSON writes it.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|character| push(&mut out, character));
    out
}

/// Appends one character, escaped where it is hostile.
pub(crate) fn push(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ if is_hostile(character) => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04X}"));
            }
        }
        _ => out.push(character),
    }
}

/// A JSON text that means the same without a hostile character. Within strings they can be escaped; what
/// stands between values is white space.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character < ' ' {
            out.push(' ');
        } else {
            push(&mut out, character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_drives_a_terminal_is_left() {
        let text = "a\u{1b}[2J\u{7}\u{9b}31m\u{202e}b\u{2066}\r\n\t\u{7f}\u{200b}\u{feff}\u{e0041}\u{2028}z";
        let shown = plain(text);
        assert!(!shown.chars().any(is_hostile), "{shown:?}");
        assert_eq!(
            shown,
            r"a\u001B[2J\u0007\u009B31m\u202Eb\u2066\r\n\t\u007F\u200B\uFEFF\uDB40\uDC41\u2028z"
        );
    }

    #[test]
    fn what_people_write_stays() {
        let text = "Grüße, 你好, שלום, 👩\u{200d}🚀, می\u{200c}خواهم \\ \"";
        assert_eq!(plain(text), text);
    }

    #[test]
    fn json_means_the_same() {
        let text = "{\"a\u{202e}\":\t\"\u{9b}\u{e0041}\\n\"\r\n}";
        let shown = json(text);
        assert!(!shown.chars().any(is_hostile), "{shown:?}");
        let [before, after] = [text, &shown].map(serde_json::from_str::<serde_json::Value>);
        assert_eq!(before.expect("JSON"), after.expect("JSON"));
    }
}
