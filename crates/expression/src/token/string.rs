//! String literals: `"..."`, `'...'`, three of either for many lines, `r"..."` without escapes.

/// What is wrong in a literal.
pub(super) struct Mistake {
    /// Where, in bytes from the literal's beginning.
    pub(super) offset: usize,
    pub(super) message: &'static str,
    pub(super) hint: &'static str,
}

/// The string at the beginning of a text and its length there; `None` when the text begins with no string.
pub(super) fn read(text: &str) -> Option<Result<(String, usize), Mistake>> {
    let prefix = text.find(['"', '\'']).filter(|&prefix| prefix <= 2)?;
    let raw = match text[..prefix].to_ascii_lowercase().as_str() {
        "" => false,
        "r" => true,
        "b" | "br" | "rb" => {
            return Some(Err(Mistake {
                offset: 0,
                message: "there are no bytes literals",
                hint: "leave the `b` out; a string also equals bytes",
            }));
        }
        _ => return None,
    };
    let quote = text[prefix..].chars().next()?;
    let triple = [quote; 3].iter().collect::<String>();
    let delimiter = if text[prefix..].starts_with(&triple) { triple } else { quote.to_string() };
    Some(body(text, prefix + delimiter.len(), &delimiter, raw))
}

fn body(text: &str, start: usize, delimiter: &str, raw: bool) -> Result<(String, usize), Mistake> {
    let mut out = String::new();
    let mut at = start;
    loop {
        let rest = &text[at..];
        if rest.starts_with(delimiter) {
            return Ok((out, at + delimiter.len()));
        }
        let mut characters = rest.chars();
        match characters.next() {
            None => {
                return Err(Mistake {
                    offset: 0,
                    message: "a string without its end",
                    hint: "close the quotes",
                });
            }
            Some('\n' | '\r') if delimiter.len() == 1 => {
                return Err(Mistake {
                    offset: at,
                    message: "a line ends within a string",
                    hint: r#"write \n, or use """ around it"#,
                });
            }
            Some('\\') if !raw => {
                let (character, bytes) = escape(characters.as_str()).ok_or(Mistake {
                    offset: at,
                    message: "unknown escape",
                    hint: r#"a backslash is written `\\`, or the string r"...""#,
                })?;
                out.push(character);
                at += 1 + bytes;
            }
            Some(character) => {
                out.push(character);
                at += character.len_utf8();
            }
        }
    }
}

/// The character that an escape stands for, by what follows the backslash, and how long that is.
fn escape(text: &str) -> Option<(char, usize)> {
    let simple = |character| Some((character, 1));
    match text.chars().next()? {
        'a' => simple('\x07'),
        'b' => simple('\x08'),
        'f' => simple('\x0c'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\x0b'),
        same @ ('\\' | '?' | '"' | '\'' | '`') => simple(same),
        'x' | 'X' => coded(text, 1, 2, 16),
        'u' => coded(text, 1, 4, 16),
        'U' => coded(text, 1, 8, 16),
        '0'..='3' => coded(text, 0, 3, 8),
        _ => None,
    }
}

/// A code point of so many digits, from `start` on.
fn coded(text: &str, start: usize, digits: usize, radix: u32) -> Option<(char, usize)> {
    let end = start + digits;
    let code = text.get(start..end).filter(|code| code.chars().all(|digit| digit.is_digit(radix)))?;
    Some((char::from_u32(u32::from_str_radix(code, radix).ok()?)?, end))
}
