use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

const D1: &str = "596787cab387cde31c21ca5fbab1b11083f16517bfd50b6642734dbb7bd87ee3eaa710a43774026ec63c661f917c045fa8824357306f3c2fe5efc0b617ae3f6d";
const D2: &str = "28e426ad86ca78c8b421ca6d56454afb514c419e9d27042e1babc9220cfb3bd8bad8ad8e63b63237086a4cb77f864ab06adb150f9c50cd5003b2f3b97048fe25";
const D3: &str = "1940168f69475f0d46a2f27635f33cbb37e096f09762068c5f17cbbd94d8e6b94e4576005dcac5ba4f1809bb1d9df2f5fe89dbf220a9872df3d55769332b0b5a";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn handshake() -> Handshake {
    let numbers = |from: u8| std::array::from_fn(|index| from + u8::try_from(index).expect("small"));
    Handshake::new(Challenge { nonce: numbers(0), auth: numbers(16) })
}

fn terms(shared_key: &'static str, users: Option<Vec<(&'static str, &'static str)>>) -> Terms<'static> {
    let users = users.map(|users| users.into_iter().map(|(name, word)| (name, word.as_bytes())).collect());
    let source = Source::Expected { shared_key: shared_key.as_bytes(), users };
    Terms { server_hostname: "server.example", source }
}

fn alice() -> Terms<'static> {
    terms("s3cr3t", Some(vec![("bob", "builder"), ("alice", "wonder")]))
}

/// The salt as bin, the rest as str.
fn ping(elements: [&[u8]; 6]) -> Vec<u8> {
    let mut ping = vec![0x96];
    for (index, element) in elements.into_iter().enumerate() {
        let len = u8::try_from(element.len()).expect("short");
        ping.extend([if index == 2 { 0xc4 } else { 0xd9 }, len]);
        ping.extend(element);
    }
    ping
}

fn good_ping() -> Vec<u8> {
    let (d1, d2) = (D1.as_bytes(), D2.as_bytes());
    ping([b"PING", b"client.example", b"0123456789abcdef", d1, b"alice", d2])
}

fn answer(bytes: &[u8], terms: &Terms<'_>) -> Verdict {
    handshake().receive(bytes, terms).expect("a whole message")
}

#[test]
fn the_vectors_of_fluentd() {
    let hello = "92a448454c4f83a56e6f6e6365c410000102030405060708090a0b0c0d0e0fa461757468c410101112131415161718191a1b1c1d1e1fa96b656570616c697665c3";
    assert_eq!(handshake().hello(true), hex(hello));
    assert_eq!(handshake().hello(false), hex(&format!("{}c2", &hello[..hello.len() - 2])));

    let ping = [
        &hex("96a450494e47ae636c69656e742e6578616d706c65c41030313233343536373839616263646566d980")[..],
        D1.as_bytes(),
        &hex("a5616c696365d980"),
        D2.as_bytes(),
    ]
    .concat();
    let accepted = answer(&ping, &alice());
    assert_eq!(accepted.outcome, Ok(()));
    let pong = [&hex("95a4504f4e47c3a0ae7365727665722e6578616d706c65d980")[..], D3.as_bytes()].concat();
    assert_eq!(accepted.pong, pong);

    let refused = answer(&ping, &terms("wrong", None));
    assert_eq!(refused.outcome, Err(Refusal::SharedKeyMismatch));
    assert_eq!(refused.pong, hex("95a4504f4e47c2b37368617265645f6b6579206d69736d61746368a0a0"));
}

#[test]
fn every_refusal_is_told_in_its_words() {
    let (d1, d2) = (D1.as_bytes(), D2.as_bytes());
    let salt = b"0123456789abcdef";
    let wrong = [b'0'; DIGEST_CHARACTERS];
    let named = |name: &'static [u8], digest| ping([b"PING", b"client.example", salt, d1, name, digest]);
    let from = IpAddr::from(Ipv4Addr::new(192, 0, 2, 7));
    let nobody = Terms { server_hostname: "s", source: Source::Unexpected(from) };
    let upper_case = D1.to_uppercase();
    for (bytes, terms, refusal, words) in [
        (named(b"alice", &wrong), alice(), Refusal::UserMismatch, "username/password mismatch"),
        (named(b"alice", b""), alice(), Refusal::UserMismatch, "username/password mismatch"),
        (named(b"bob", d2), alice(), Refusal::UserMismatch, "username/password mismatch"),
        (named(b"eve", d2), alice(), Refusal::UserMismatch, "username/password mismatch"),
        (good_ping(), terms("s3cr3t", Some(Vec::new())), Refusal::UserMismatch, "username/password mismatch"),
        (
            ping([b"PING", b"other.example", salt, d1, b"", b""]),
            terms("s3cr3t", None),
            Refusal::SharedKeyMismatch,
            "shared_key mismatch",
        ),
        (
            ping([b"PING", b"client.example", salt, upper_case.as_bytes(), b"", b""]),
            terms("s3cr3t", None),
            Refusal::SharedKeyMismatch,
            "shared_key mismatch",
        ),
        (
            ping([b"PING", b"client.example", salt, &d1[..127], b"", b""]),
            terms("s3cr3t", None),
            Refusal::SharedKeyMismatch,
            "shared_key mismatch",
        ),
        (good_ping(), nobody, Refusal::AnonymousSource(from), "anonymous source host '192.0.2.7' denied"),
    ] {
        let verdict = answer(&bytes, &terms);
        assert_eq!(verdict.outcome, Err(refusal));
        assert_eq!(verdict.pong, pong(false, words, "", b""));
    }
}

#[test]
fn what_is_no_ping_is_refused() {
    let (d1, d2) = (D1.as_bytes(), D2.as_bytes());
    let good = good_ping();
    let mut seven = good.clone();
    seven[0] = 0x97;
    seven.push(0xc0);
    let number_for_salt = [&b"\x96\xa4PING\xa1c\x07\xa1d\xa1u\xa1p"[..]].concat();
    for bytes in [
        &b"\xc0"[..],
        b"\xc1",
        b"{",
        br#"["PING","a","b","c","d","e"]"#,
        b"\x90",
        b"\x91\xa4PING",
        b"\x93\xa7app.log\xce\x59\x68\x2f\x00\x81\xa1k\xa1v",
        &number_for_salt,
        &seven,
        &ping([b"ping", b"client.example", b"0123456789abcdef", d1, b"alice", d2]),
    ] {
        assert_eq!(answer(bytes, &alice()).outcome, Err(Refusal::InvalidPing), "{bytes:?}");
    }
}

#[test]
fn nobody_is_asked_for_a_user_where_none_is_set() {
    let without_user = [&good_ping()[..0x2b + D1.len()], b"\xc0\xc0"].concat();
    for bytes in [good_ping(), without_user] {
        assert_eq!(answer(&bytes, &terms("s3cr3t", None)).outcome, Ok(()));
    }
}

#[test]
fn a_salt_need_not_be_text() {
    let salt = [0xff, 0xfe, 0x80];
    let nonce = handshake().challenge.nonce;
    let d1 = digest(&[&salt, b"client.example", &nonce, b"s3cr3t"]);
    let bytes = ping([b"PING", b"client.example", &salt, &d1, b"", b""]);
    assert_eq!(answer(&bytes, &terms("s3cr3t", None)).outcome, Ok(()));
}

#[test]
fn a_ping_has_a_largest_size() {
    let of_size = |bytes: u64| {
        let fixed = ping([b"PING", b"", b"", b"", b"", b""]).len() - 2 + 3;
        let user = usize::try_from(bytes).expect("small") - fixed;
        let mut ping = ping([b"PING", b"", b"", b"", b"", b""]);
        ping.truncate(ping.len() - 2);
        ping.push(0xda);
        ping.extend(u16::try_from(user).expect("small").to_be_bytes());
        ping.resize(ping.len() + user, b'x');
        ping
    };
    let largest = of_size(FORWARD_PING_BYTES_MAX);
    assert_eq!(largest.len() as u64, FORWARD_PING_BYTES_MAX);
    assert_eq!(answer(&largest, &terms("s3cr3t", None)).outcome, Err(Refusal::SharedKeyMismatch));
    assert_eq!(answer(&of_size(FORWARD_PING_BYTES_MAX + 1), &alice()).outcome, Err(Refusal::InvalidPing));
    // What only says that it is large is not waited for, and neither is what has no end.
    assert_eq!(answer(b"\x96\xdb\xff\xff\xff\xff", &alice()).outcome, Err(Refusal::InvalidPing));
    let mut endless = handshake();
    let mut taken = 0;
    assert_eq!(endless.receive(b"\xdd\xff\xff\xff\xff", &alice()).map(|verdict| verdict.outcome), None);
    let verdict = loop {
        taken += 1;
        if let Some(verdict) = endless.receive(b"\xc0", &alice()) {
            break verdict;
        }
    };
    assert_eq!(verdict.outcome, Err(Refusal::InvalidPing));
    assert_eq!(taken + 5, FORWARD_PING_BYTES_MAX + 1);
}

proptest! {
    #[test]
    fn any_split_comes_to_the_same(cuts in prop::collection::vec(0..500_usize, 0..8), behind in any::<Vec<u8>>()) {
        let bytes = [good_ping(), behind.clone()].concat();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let (terms, mut handshake, mut verdict) = (alice(), handshake(), None);
        let mut unread = Vec::new();
        for piece in cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]) {
            match verdict {
                None => verdict = handshake.receive(piece, &terms),
                Some(_) => unread.extend(piece),
            }
        }
        let verdict = verdict.expect("the whole PING came");
        prop_assert_eq!(verdict.outcome, Ok(()));
        prop_assert_eq!([verdict.rest, unread].concat(), behind);
    }

    #[test]
    fn no_bytes_make_it_panic_or_let_anybody_in(bytes in any::<Vec<u8>>()) {
        if let Some(verdict) = handshake().receive(&bytes, &alice()) {
            prop_assert!(verdict.outcome.is_err());
        }
    }
}
