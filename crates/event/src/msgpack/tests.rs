use super::*;
use ReadError::{Incomplete, Reserved, TooDeep};
use proptest::prelude::*;
use rmpv::Value as Rmpv;

fn read(bytes: &[u8]) -> Result<Value<'_>, ReadError> {
    Reader::new(bytes).read()
}

#[test]
fn every_head_reads_as_its_value() {
    let cases: &[(&[u8], Value<'_>)] = &[
        (&[0x00], Value::UInt(0)),
        (&[0x7f], Value::UInt(127)),
        (&[0x80], Value::Map(0)),
        (&[0x8f], Value::Map(15)),
        (&[0x90], Value::Array(0)),
        (&[0x9f], Value::Array(15)),
        (&[0xa0], Value::Str(b"")),
        (b"\xa2hi", Value::Str(b"hi")),
        (&[0xc0], Value::Nil),
        (&[0xc2], Value::Bool(false)),
        (&[0xc3], Value::Bool(true)),
        (b"\xc4\x02\xff\x00", Value::Bin(b"\xff\x00")),
        (b"\xc5\x00\x01b", Value::Bin(b"b")),
        (b"\xc6\x00\x00\x00\x01b", Value::Bin(b"b")),
        (b"\xc7\x03\xffabc", Value::Ext(-1, b"abc")),
        (b"\xc8\x00\x03\x05abc", Value::Ext(5, b"abc")),
        (b"\xc9\x00\x00\x00\x00\x80", Value::Ext(-128, b"")),
        (&[0xca, 0x3f, 0x80, 0, 0], Value::F32(1.0)),
        (&[0xcb, 0xbf, 0xf0, 0, 0, 0, 0, 0, 0], Value::F64(-1.0)),
        (&[0xcc, 0xff], Value::UInt(255)),
        (&[0xcd, 0xff, 0xfe], Value::UInt(0xfffe)),
        (&[0xce, 0xff, 0xff, 0xff, 0xfe], Value::UInt(0xffff_fffe)),
        (&[0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Value::UInt(u64::MAX)),
        (&[0xd0, 0x80], Value::Int(-128)),
        (&[0xd0, 0x05], Value::UInt(5)),
        (&[0xd1, 0x80, 0x00], Value::Int(-32768)),
        (&[0xd2, 0x80, 0, 0, 0], Value::Int(-2_147_483_648)),
        (&[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0], Value::Int(i64::MIN)),
        (b"\xd4\x01a", Value::Ext(1, b"a")),
        (b"\xd5\x01ab", Value::Ext(1, b"ab")),
        (b"\xd6\x01abcd", Value::Ext(1, b"abcd")),
        (b"\xd7\x00abcdefgh", Value::Ext(0, b"abcdefgh")),
        (b"\xd8\x01abcdefghijklmnop", Value::Ext(1, b"abcdefghijklmnop")),
        (b"\xd9\x02hi", Value::Str(b"hi")),
        (b"\xda\x00\x02hi", Value::Str(b"hi")),
        (b"\xdb\x00\x00\x00\x02hi", Value::Str(b"hi")),
        (&[0xdc, 0xff, 0xff], Value::Array(65535)),
        (&[0xdd, 0xff, 0xff, 0xff, 0xff], Value::Array(u32::MAX)),
        (&[0xde, 0xff, 0xff], Value::Map(65535)),
        (&[0xdf, 0xff, 0xff, 0xff, 0xff], Value::Map(u32::MAX)),
        (&[0xe0], Value::Int(-32)),
        (&[0xff], Value::Int(-1)),
    ];
    for (bytes, value) in cases {
        assert_eq!(read(bytes), Ok(*value), "{bytes:02x?}");
        for cut in 0..bytes.len() {
            assert_eq!(read(&bytes[..cut]), Err(Incomplete), "{bytes:02x?} cut at {cut}");
        }
        let more = [bytes, &[0xc1; 3][..]].concat();
        let mut reader = Reader::new(&more);
        assert_eq!(reader.read(), Ok(*value));
        assert_eq!((reader.position(), reader.rest()), (bytes.len(), &[0xc1; 3][..]));
        if !matches!(value, Value::Array(1..) | Value::Map(1..)) {
            assert_eq!(Reader::new(&more).skip(), Ok(*bytes));
        }
    }
}

#[test]
fn what_is_missing_and_what_is_wrong_are_told_apart() {
    assert_eq!(read(&[0xc1]), Err(Reserved));
    let deepest = [[0x91; NESTING_DEPTH_MAX].as_slice(), &[0xc0]].concat();
    let skip = |bytes: &[u8]| Reader::new(bytes).skip().map(<[u8]>::len);
    for (bytes, expected) in [
        (&b""[..], Err(Incomplete)),
        (b"\xdb\xff\xff\xff\xffabc", Err(Incomplete)),
        (b"\xc9\xff\xff\xff\xff", Err(Incomplete)),
        (b"\xdd\xff\xff\xff\xff\x01", Err(Incomplete)),
        (b"\xdf\xff\xff\xff\xff\x01\x01", Err(Incomplete)),
        (b"\x93\x01", Err(Incomplete)),
        (b"\x92\xa5ab", Err(Incomplete)),
        (b"\x93\x01\xc1", Err(Reserved)),
        (b"\xdf\xff\xff\xff\xff\x01\xc1", Err(Reserved)),
        (&deepest, Ok(NESTING_DEPTH_MAX + 1)),
        (&[0x92; NESTING_DEPTH_MAX], Err(Incomplete)),
        (&[0x92; NESTING_DEPTH_MAX + 1], Err(TooDeep)),
        (&[0x82; NESTING_DEPTH_MAX + 1], Err(TooDeep)),
        (&[0x81, 0x01].repeat(NESTING_DEPTH_MAX + 1), Err(TooDeep)),
    ] {
        assert_eq!(skip(bytes), expected, "{bytes:02x?}");
    }
}

#[test]
fn an_error_leaves_the_position() {
    for bytes in [&b"\x01\xa5ab"[..], b"\x01\xce\x00", b"\x01\xc1", b"\x01\xd9"] {
        let mut reader = Reader::new(bytes);
        reader.read().unwrap();
        reader.read().unwrap_err();
        reader.skip().unwrap_err();
        assert_eq!(reader.position(), 1);
        assert_eq!(reader.rest(), &bytes[1..]);
    }
}

#[test]
fn integers_are_written_in_their_shortest_form() {
    for (value, bytes) in [
        (0, &[0x00][..]),
        (127, &[0x7f]),
        (128, &[0xcc, 0x80]),
        (255, &[0xcc, 0xff]),
        (256, &[0xcd, 1, 0]),
        (65535, &[0xcd, 0xff, 0xff]),
        (65536, &[0xce, 0, 1, 0, 0]),
        (0xffff_ffff, &[0xce, 0xff, 0xff, 0xff, 0xff]),
        (0x1_0000_0000, &[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]),
        (i64::MAX, &[0xcf, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        (-1, &[0xff]),
        (-32, &[0xe0]),
        (-33, &[0xd0, 0xdf]),
        (-128, &[0xd0, 0x80]),
        (-129, &[0xd1, 0xff, 0x7f]),
        (-32768, &[0xd1, 0x80, 0]),
        (-32769, &[0xd2, 0xff, 0xff, 0x7f, 0xff]),
        (-2_147_483_648, &[0xd2, 0x80, 0, 0, 0]),
        (-2_147_483_649, &[0xd3, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]),
        (i64::MIN, &[0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        let mut out = Vec::new();
        write_int(&mut out, value);
        assert_eq!(out, bytes, "{value}");
    }
    let mut out = Vec::new();
    write_uint(&mut out, u64::MAX);
    assert_eq!(out, [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
}

#[test]
fn lengths_are_written_in_their_shortest_form() {
    type Writer = fn(&mut Vec<u8>, u32);
    let write_text: Writer = |out, len| write_str(out, &"a".repeat(usize::try_from(len).unwrap()));
    let cases: &[(Writer, u32, &[u8])] = &[
        (write_array_head, 0, &[0x90]),
        (write_array_head, 15, &[0x9f]),
        (write_array_head, 16, &[0xdc, 0, 16]),
        (write_array_head, 65535, &[0xdc, 0xff, 0xff]),
        (write_array_head, 65536, &[0xdd, 0, 1, 0, 0]),
        (write_map_head, 0, &[0x80]),
        (write_map_head, 15, &[0x8f]),
        (write_map_head, 16, &[0xde, 0, 16]),
        (write_map_head, 65535, &[0xde, 0xff, 0xff]),
        (write_map_head, u32::MAX, &[0xdf, 0xff, 0xff, 0xff, 0xff]),
        (write_text, 0, &[0xa0]),
        (write_text, 31, &[0xbf]),
        (write_text, 32, &[0xd9, 32]),
        (write_text, 255, &[0xd9, 255]),
        (write_text, 256, &[0xda, 1, 0]),
        (write_text, 65535, &[0xda, 0xff, 0xff]),
        (write_text, 65536, &[0xdb, 0, 1, 0, 0]),
    ];
    for (write, len, head) in cases {
        let mut out = Vec::new();
        write(&mut out, *len);
        assert_eq!(&out[..head.len()], *head, "{len}");
        assert!(out[head.len()..].iter().all(|&byte| byte == b'a'));
    }
}

#[test]
fn scalars_are_written() {
    let mut out = Vec::new();
    write_nil(&mut out);
    write_bool(&mut out, true);
    write_bool(&mut out, false);
    write_f64(&mut out, 1.0);
    write_event_time(&mut out, EventTime { seconds: 1_500_000_000, nanos: 5 });
    write_event_time(&mut out, EventTime { seconds: -1, nanos: 0 });
    write_event_time(&mut out, EventTime { seconds: 1 << 32, nanos: 0 });
    write_timestamp(&mut out, EventTime { seconds: -1, nanos: 7 });
    let expected: &[&[u8]] = &[
        &[0xc0, 0xc3, 0xc2, 0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0],
        &[0xd7, 0, 0x59, 0x68, 0x2f, 0x00, 0, 0, 0, 5],
        &[0xd7, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0xd7, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
        &[0xc7, 12, 0xff, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ];
    assert_eq!(out, expected.concat());
}

fn value() -> impl Strategy<Value = Rmpv> {
    let scalar = prop_oneof![
        Just(Rmpv::Nil),
        any::<bool>().prop_map(Rmpv::from),
        any::<u64>().prop_map(Rmpv::from),
        any::<i64>().prop_map(Rmpv::from),
        any::<i8>().prop_map(Rmpv::from),
        any::<f32>().prop_map(Rmpv::from),
        any::<f64>().prop_map(Rmpv::from),
        any::<String>().prop_map(Rmpv::from),
        any::<Vec<u8>>().prop_map(Rmpv::from),
        "a{250,300}".prop_map(Rmpv::from),
        (any::<i8>(), prop::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(kind, data)| Rmpv::Ext(kind, data)),
    ];
    scalar.prop_recursive(5, 80, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Rmpv::from),
            prop::collection::vec((inner.clone(), inner), 0..20).prop_map(Rmpv::from),
        ]
    })
}

fn packed(value: &Rmpv) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).unwrap();
    bytes
}

/// Skips head by head.
fn skip_slowly(reader: &mut Reader<'_>, depth: usize) -> Result<(), ReadError> {
    let values = match reader.read()? {
        Value::Array(len) => u64::from(len),
        Value::Map(len) => 2 * u64::from(len),
        _ => return Ok(()),
    };
    if depth == NESTING_DEPTH_MAX {
        return Err(TooDeep);
    }
    (0..values).try_for_each(|_| skip_slowly(reader, depth + 1))
}

/// Bytes that are more often than not the heads of small values.
fn heads() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        4 => any::<u8>(),
        4 => 0xa0..0xa4_u8,
        2 => 0x80..0x84_u8,
        2 => 0x90..0x94_u8,
        2 => 0xc0..=0xdf_u8,
        2 => 0x00..0x04_u8,
    ];
    prop::collection::vec(head, 0..60)
}

/// Reads a whole value with our reader, as rmpv shows it.
fn unpack(reader: &mut Reader<'_>) -> Rmpv {
    match reader.read().unwrap() {
        Value::Nil => Rmpv::Nil,
        Value::Bool(value) => value.into(),
        Value::UInt(value) => value.into(),
        Value::Int(value) => value.into(),
        Value::F32(value) => value.into(),
        Value::F64(value) => value.into(),
        Value::Str(text) => String::from_utf8(text.to_vec()).unwrap().into(),
        Value::Bin(data) => data.into(),
        Value::Array(len) => Rmpv::Array((0..len).map(|_| unpack(reader)).collect()),
        Value::Map(len) => Rmpv::Map((0..len).map(|_| (unpack(reader), unpack(reader))).collect()),
        Value::Ext(kind, data) => Rmpv::Ext(kind, data.to_vec()),
    }
}

proptest! {
    #[test]
    fn reads_and_skips_what_rmpv_writes(value in value()) {
        let bytes = packed(&value);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(unpack(&mut reader), value);
        prop_assert!(reader.is_empty());

        let followed = [&bytes[..], b"\xc1"].concat();
        let mut reader = Reader::new(&followed);
        prop_assert_eq!(reader.skip(), Ok(&bytes[..]));
        prop_assert_eq!(reader.rest(), b"\xc1");
    }

    #[test]
    fn every_beginning_is_incomplete(value in value()) {
        let bytes = packed(&value);
        for cut in 0..bytes.len() {
            prop_assert_eq!(Reader::new(&bytes[..cut]).skip(), Err(Incomplete));
        }
    }

    #[test]
    fn integers_are_written_as_rmpv_writes_them(unsigned: u64, signed: i64, shift in 0..64) {
        let (unsigned, signed) = (unsigned >> shift, signed >> shift);
        let mut out = Vec::new();
        write_uint(&mut out, unsigned);
        write_int(&mut out, signed);
        prop_assert_eq!(out, [packed(&unsigned.into()), packed(&signed.into())].concat());
    }

    #[test]
    fn skipping_is_reading_head_by_head(bytes in heads(), deep in 0..2 * NESTING_DEPTH_MAX, in_map: bool) {
        let outer: &[u8] = if in_map { b"\x81\xa0" } else { b"\x91" };
        for bytes in [bytes.clone(), [&outer.repeat(deep), &bytes[..]].concat()] {
            let (mut quick, mut slow) = (Reader::new(&bytes), Reader::new(&bytes));
            let skipped = skip_slowly(&mut slow, 0).map(|()| &bytes[..slow.position()]);
            prop_assert_eq!(quick.skip(), skipped);
            prop_assert_eq!(quick.position(), skipped.map_or(0, <[u8]>::len));
        }
    }

    #[test]
    fn random_bytes_skip_as_rmpv_reads_them(bytes: Vec<u8>) {
        let mut rest = &bytes[..];
        let read = rmpv::decode::read_value_with_max_depth(&mut rest, 1000).is_ok();
        let mut reader = Reader::new(&bytes);
        match reader.skip() {
            Ok(value) => prop_assert_eq!((value.len(), read), (bytes.len() - rest.len(), true)),
            // rmpv reads 0xc1 as nil.
            Err(Incomplete) => prop_assert!(!read),
            Err(Reserved | TooDeep) => {}
        }
    }
}
