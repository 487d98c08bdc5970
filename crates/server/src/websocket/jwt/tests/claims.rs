//! What a claim allows; a wrong one allows nothing.

use super::super::super::rights::Rights;
use super::*;

fn read(claim: &Value) -> Result<Allowed, String> {
    Allowed::read(claim.as_object().expect("a map"))
}

/// The same as a `<token>` section, in JSON.
#[test]
fn a_claim_has_the_rights_of_a_section() {
    let section = "<token>\nname a\ntoken a-secret\ntag app.** !app.debug\nfilter record.level == \"a\"\n\
                   fields level, user.id\nredact user.password\nmax_rate 10\nconnection_limit 3\n</token>";
    let token = websocket(section).tokens.remove(0);
    let rights = Rights::of(&token).expect("patterns");
    for claim in [
        json!({
            "tag": ["app.**", "!app.debug"], "filter": "record.level == \"a\"", "fields": ["level", "user.id"],
            "redact": ["user.password"], "max_rate": 10, "connection_limit": 3,
        }),
        json!({
            "tag": " app.**  !app.debug ", "filter": "record.level == \"a\"", "fields": "level, user.id",
            "redact": "user.password", "max_rate": 10, "connection_limit": 3,
        }),
    ] {
        let allowed = read(&claim).expect("a good claim");
        assert_eq!((allowed.rights, allowed.connection_limit), (rights.clone(), Some(3)), "{claim}");
    }
    assert_eq!(read(&json!({})).expect("a good claim").rights, Rights::default());
}

#[test]
fn what_is_not_understood_refuses_the_token() {
    let long: Vec<_> = (0..65).map(|n| format!("a{n}")).collect();
    for (name, values) in [
        (
            "tag",
            vec![
                json!(null),
                json!(""),
                json!(" "),
                json!([]),
                json!([""]),
                json!(["a", ""]),
                json!(["a b"]),
                json!(["!"]),
                json!("!"),
                json!(["a", null]),
                json!([["a"]]),
                json!({"a": "b"}),
                json!(5),
                json!("/[/"),
                json!(true),
                json!(long),
            ],
        ),
        ("filter", vec![json!(null), json!(""), json!("record.a ="), json!(["true"]), json!(true), json!(5)]),
        (
            "fields",
            vec![json!(null), json!(""), json!([]), json!(["a", ""]), json!("a,,b"), json!([5]), json!({})],
        ),
        (
            "redact",
            vec![json!(null), json!(""), json!([]), json!(["a", ""]), json!("a,"), json!([5]), json!(false)],
        ),
        (
            "max_rate",
            vec![json!(null), json!(0), json!(-1), json!(1.5), json!("10"), json!(1_u64 << 32), json!([1])],
        ),
        ("connection_limit", vec![json!(null), json!(0), json!(-1), json!("1"), json!({})]),
        ("tags", vec![json!("a")]),
        ("expires", vec![json!("2027-01-31T00:00:00Z")]),
        ("Tag", vec![json!("a")]),
        ("", vec![json!("a")]),
    ] {
        for value in values {
            let told = read(&json!({name: value})).expect_err(&format!("{name}: {value}"));
            assert!(told.starts_with(&format!("`{name}`: ")) && told.len() < 500, "{told}");
        }
    }
}

#[test]
fn a_token_without_the_claim_is_for_somebody_else() {
    let told = |more: &str, claims: Value| match judge(&shared(more), &hs256(&claims), now()) {
        Ok(_) => None,
        Err(JwtError::Claim(told)) => Some(told),
        Err(other) => panic!("{other:?}"),
    };
    for claims in [
        json!({"exp": 1_700_000_100}),
        json!({"exp": 1_700_000_100, "Fluentcast": {}}),
        json!({"exp": 1_700_000_100, "fluentcast": null}),
        json!({"exp": 1_700_000_100, "fluentcast": true}),
        json!({"exp": 1_700_000_100, "fluentcast": []}),
        json!({"exp": 1_700_000_100, "fluentcast": {"tags": "a"}}),
        json!({"exp": 1_700_000_100, "fluentcast": {"connection_limit": 1}}),
        json!({"exp": 1_700_000_100, "fluentcast": {}, "sub": 5}),
    ] {
        assert!(told("", claims.clone()).is_some(), "{claims}");
    }
    assert_eq!(
        told("", json!({"exp": 1_700_000_100, "fluentcast": {"connection_limit": 1}, "sub": "a"})),
        None
    );
    let other = json!({"exp": 1_700_000_100, "https://x.example/logs": {}});
    assert_eq!(told("claim https://x.example/logs", other), None);
    assert!(told("claim https://x.example/logs", good()).is_some());
}
