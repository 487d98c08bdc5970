//! The translation as one would write it without a thought for speed, to hold the real one against.

use proptest::prelude::*;

use super::super::*;
use crate::msgpack;

/// What [`write_value`] must write.
fn reference(value: &[u8]) -> Result<(String, Mended), ReadError> {
    let mut mended = Mended::default();
    let json = translate(&mut Reader::new(value), 0, false, &mut mended)?;
    Ok((json, mended))
}

fn translate(
    reader: &mut Reader<'_>,
    depth: usize,
    in_key: bool,
    mended: &mut Mended,
) -> Result<String, ReadError> {
    Ok(match reader.read()? {
        Value::Nil => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Int(number) => number.to_string(),
        Value::F32(number) => float(number.into(), mended),
        Value::F64(number) => float(number, mended),
        Value::Str(text) => {
            mended.invalid_utf8 += u32::from(std::str::from_utf8(text).is_err());
            quote(&String::from_utf8_lossy(text))
        }
        Value::Bin(data) => bin(data),
        Value::Ext(0, data) if data.len() == 8 => {
            u32::from_be_bytes(data[..4].try_into().unwrap()).to_string()
        }
        Value::Ext(_, data) => quote(&STANDARD.encode(data)),
        Value::Array(_) | Value::Map(_) if depth == NESTING_DEPTH_MAX => return Err(ReadError::TooDeep),
        Value::Array(len) => {
            let mut elements = Vec::new();
            for _ in 0..len {
                elements.push(translate(reader, depth + 1, in_key, mended)?);
            }
            format!("[{}]", elements.join(","))
        }
        Value::Map(len) => {
            let mut fields: Vec<(String, String)> = Vec::new();
            for _ in 0..len {
                let key = key(reader, depth + 1, in_key, mended)?;
                let value = translate(reader, depth + 1, in_key, mended)?;
                match fields.iter_mut().find(|field| field.0 == key) {
                    Some(field) => field.1 = value,
                    None => fields.push((key, value)),
                }
            }
            let fields: Vec<_> = fields.iter().map(|(key, value)| format!("{key}:{value}")).collect();
            format!("{{{}}}", fields.join(","))
        }
    })
}

fn key(
    reader: &mut Reader<'_>,
    depth: usize,
    in_key: bool,
    mended: &mut Mended,
) -> Result<String, ReadError> {
    let before = reader.clone();
    match reader.read()? {
        Value::Nil => return Ok("\"\"".to_owned()),
        Value::Array(_) | Value::Map(_) if in_key => {
            *reader = before;
            return Ok(quote(&STANDARD.encode(reader.skip_at(depth)?)));
        }
        _ => *reader = before,
    }
    let json = translate(reader, depth, true, mended)?;
    Ok(if json.starts_with('"') { json } else { quote(&json) })
}

fn float(number: f64, mended: &mut Mended) -> String {
    if number.is_finite() {
        return ryu::Buffer::new().format_finite(number).to_owned();
    }
    mended.not_finite += 1;
    "null".to_owned()
}

fn bin(data: &[u8]) -> String {
    quote(&std::str::from_utf8(data).map_or_else(|_| STANDARD.encode(data), str::to_owned))
}

fn quote(text: &str) -> String {
    let mut json = "\"".to_owned();
    for char in text.chars() {
        match char {
            '"' => json += "\\\"",
            '\\' => json += "\\\\",
            '\u{8}' => json += "\\b",
            '\t' => json += "\\t",
            '\n' => json += "\\n",
            '\u{c}' => json += "\\f",
            '\r' => json += "\\r",
            '\0'..' ' => json += &format!("\\u{:04X}", u32::from(char)),
            _ => json.push(char),
        }
    }
    json + "\""
}

/// Text of the lengths at which the real one changes its ways, sometimes with something special in it.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let plain = prop::collection::vec(b' '..=b'~', 0..50).prop_map(|mut text| {
        text.retain(|byte| !b"\"\\".contains(byte));
        text
    });
    let special =
        (plain.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut text, at, byte)| {
            text.insert(at.index(text.len() + 1), byte);
            text
        });
    // Alike in most of their bytes, and often the same.
    let alike = ("k{0,20}", "[ab]{0,2}", "k{0,9}").prop_map(|(a, b, c)| [a, b, c].concat().into_bytes());
    prop_oneof![3 => plain, 1 => special, 1 => alike, 1 => "[é😀a\u{1}]{0,20}".prop_map(String::into_bytes)]
}

fn float_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        (any::<i32>(), 0..10).prop_map(|(number, places)| f64::from(number) / 10_f64.powi(places)),
        any::<f32>().prop_map(f64::from),
    ]
}

fn head(out: &mut Vec<u8>, len: usize, fix: (u8, usize), sized: u8) {
    match len {
        _ if len < fix.1 => out.push(fix.0 | u8::try_from(len).unwrap()),
        _ => {
            out.push(sized);
            out.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
    }
}

/// MessagePack of every kind.
fn packed() -> impl Strategy<Value = Vec<u8>> {
    let scalar = prop_oneof![
        1 => prop_oneof![Just(vec![0xc0]), Just(vec![0xc2]), Just(vec![0xc3])],
        1 => (any::<i64>(), 0..64).prop_map(|(number, shift)| {
            let mut out = Vec::new();
            msgpack::write_int(&mut out, number >> shift);
            out
        }),
        1 => any::<u64>().prop_map(|number| [&[0xcf], &number.to_be_bytes()[..]].concat()),
        1 => float_value().prop_map(|number| [&[0xcb], &number.to_be_bytes()[..]].concat()),
        1 => any::<f32>().prop_map(|number| [&[0xca], &number.to_be_bytes()[..]].concat()),
        4 => text().prop_map(|text| {
            let mut out = Vec::new();
            head(&mut out, text.len(), (0xa0, 32), 0xda);
            [out, text].concat()
        }),
        1 => text().prop_map(|text| [&[0xd9, u8::try_from(text.len()).unwrap()], &text[..]].concat()),
        1 => text().prop_map(|data| [&[0xc4, u8::try_from(data.len()).unwrap()], &data[..]].concat()),
        1 => (0..2_u8, any::<[u8; 8]>()).prop_map(|(kind, data)| [&[0xd7, kind], &data[..]].concat()),
        1 => any::<[u8; 3]>().prop_map(|data| [&[0xc7, 3, 9], &data[..]].concat()),
    ];
    scalar.prop_recursive(5, 60, 24, |inner| {
        let text_key = text().prop_map(|text| {
            let mut out = Vec::new();
            head(&mut out, text.len(), (0xa0, 32), 0xda);
            [out, text].concat()
        });
        let key = prop_oneof![9 => text_key, 1 => inner.clone()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..24).prop_map(|elements| {
                let mut out = Vec::new();
                head(&mut out, elements.len(), (0x90, 16), 0xdc);
                [out, elements.concat()].concat()
            }),
            prop::collection::vec((key, inner), 0..24).prop_map(|fields| {
                let mut out = Vec::new();
                head(&mut out, fields.len(), (0x80, 16), 0xde);
                let fields = fields.into_iter().map(|(key, value)| [key, value].concat());
                [out, fields.collect::<Vec<_>>().concat()].concat()
            }),
        ]
    })
}

fn written(value: &[u8]) -> Result<(String, Mended), ReadError> {
    let mut out = b"before".to_vec();
    let written = write_value(&mut out, value);
    let json = out.strip_prefix(b"before").unwrap();
    assert!(written.is_ok() || json.is_empty());
    written.map(|mended| (String::from_utf8(json.to_vec()).unwrap(), mended))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn agrees_with_the_reference_to_the_byte(value in packed()) {
        prop_assert_eq!(written(&value), reference(&value));
    }

    #[test]
    fn agrees_with_the_reference_on_any_text(text in text()) {
        let value = [&[0xda, 0, u8::try_from(text.len()).unwrap()], &text[..]].concat();
        prop_assert_eq!(written(&value), reference(&value));
    }

    #[test]
    fn short_decimals_are_written_as_ryu_writes_them(number: u64, shift in 0..64, places in 0..12, ulps in -2..=2_i64) {
        let decimal = (number >> shift) as f64 / 10_f64.powi(places);
        let number = f64::from_bits(decimal.to_bits().saturating_add_signed(ulps));
        for number in [number, -number] {
            let value = [&[0xcb], &number.to_be_bytes()[..]].concat();
            prop_assert_eq!(written(&value), reference(&value));
        }
    }

    #[test]
    fn integers_are_written_in_their_digits(number: u64, shift in 0..64) {
        for number in [number >> shift, 10_u64.pow(u32::try_from(shift % 20).unwrap()), u64::MAX - number] {
            for number in [number, number - u64::from(number > 0)] {
                let value = [&[0xcf], &number.to_be_bytes()[..]].concat();
                prop_assert_eq!(written(&value), Ok((number.to_string(), Mended::default())));
                let signed = number.cast_signed();
                let value = [&[0xd3], &signed.to_be_bytes()[..]].concat();
                prop_assert_eq!(written(&value), Ok((signed.to_string(), Mended::default())));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn cut_anywhere_nothing_is_written(value in packed()) {
        for cut in 0..value.len() {
            prop_assert_eq!(written(&value[..cut]), Err(ReadError::Incomplete));
        }
    }
}

#[test]
fn the_room_is_made_larger_when_it_must() {
    // Five times as long in JSON.
    let value = [&[0xdc, 0x10, 0x00], &[0xc0; 0x1000][..]].concat();
    assert_eq!(written(&value), reference(&value));
    let value = [&[0xdc, 0x10, 0x00], &b"\xa1\x01".repeat(0x1000)[..]].concat();
    assert_eq!(written(&value), reference(&value));
}

#[test]
fn decimals_at_the_edges_of_the_short_way() {
    for number in [
        0.0,
        1e-7,
        1e-6,
        9e-6,
        0.000_01,
        0.000_012,
        0.000_001_5,
        1_700_000_000.123,
        1_700_000_000.123_456,
        999_999_999.999_999,
        1_000_000_000.000_001,
        9_007_199_254.740_99,
        9_007_199_254.740_993,
        9_007_199_254_740_993.0,
        1e15,
        1e16,
        1e22,
        f64::MIN_POSITIVE,
        f64::MAX,
    ] {
        for number in [number, -number, number.next_up(), number.next_down()] {
            let value = [&[0xcb], &number.to_be_bytes()[..]].concat();
            assert_eq!(written(&value), reference(&value), "{number}");
        }
    }
}
