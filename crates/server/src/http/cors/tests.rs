use hyper::header::HeaderName;

use super::*;
use crate::http::tests::settings;

fn source(origins: &[&str], credentials: bool) -> HttpSource {
    let mut settings = settings();
    settings.cors_allow_origins = Some(origins.iter().map(|&origin| origin.into()).collect());
    settings.cors_allow_credentials = credentials;
    settings
}

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a header value"))).collect()
}

#[test]
fn matches_origins_with_patterns() {
    for (pattern, origin, expected) in [
        ("http://foo.com", "http://foo.com", true),
        ("http://foo.com", "http://foo.com.evil.org", false),
        ("http://foo.com", "http://foo.co", false),
        ("https://*.bar.com", "https://z.bar.com", true),
        ("https://*.bar.com", "https://a.evil/.bar.com", true),
        ("https://*.bar.com", "https://bar.com", false),
        ("https://*.bar.com", "http://z.bar.com", false),
        ("https://*.bar.com", "https://z.bar.com.evil.org", false),
        ("a*b*c", "axb*c", true),
        ("a*b*c", "axbxc", false),
        ("ab*ba", "aba", false),
        ("", "", false),
        ("", "http://foo.com", false),
    ] {
        assert_eq!(matches(pattern, origin.as_bytes()), expected, "{pattern:?} {origin:?}");
    }
}

#[test]
fn decides_by_list_and_origin() {
    let foo = [(ORIGIN, "http://foo.com")];
    let allowed =
        |credentials| Cors::Allowed { origin: HeaderValue::from_static("http://foo.com"), credentials };
    for (list, credentials, request, expected) in [
        (vec!["*"], false, &foo[..], Cors::AnyOrigin),
        (vec!["http://bar.com", "*"], false, &[], Cors::AnyOrigin),
        (vec!["http://foo.com"], false, &foo, allowed(false)),
        (vec!["http://bar.com", "http://foo.com"], true, &foo, allowed(true)),
        (vec!["http://bar.com"], false, &foo, Cors::Refused),
        (vec!["http://foo"], false, &foo, Cors::Refused),
        (vec![""], false, &[(ORIGIN, "")], Cors::Refused),
        (vec![], false, &foo, Cors::Refused),
        (vec!["http://foo.com"], false, &[], Cors::NoOrigin),
    ] {
        assert_eq!(
            Cors::of(&source(&list, credentials), &headers(request)),
            expected,
            "{list:?} {request:?}"
        );
    }
    assert_eq!(Cors::of(&settings(), &headers(&foo)), Cors::Foreign);
    assert_eq!(Cors::of(&settings(), &headers(&[])), Cors::Off);
}

#[test]
fn writes_the_headers_of_a_decision() {
    let origin = HeaderValue::from_static("http://foo.com");
    for (cors, expected) in [
        (Cors::Off, headers(&[])),
        (Cors::AnyOrigin, headers(&[(ACCESS_CONTROL_ALLOW_ORIGIN, "*")])),
        (Cors::NoOrigin, headers(&[(VARY, "origin")])),
        (Cors::Refused, headers(&[(VARY, "origin")])),
        (
            Cors::Allowed { origin: origin.clone(), credentials: false },
            headers(&[(ACCESS_CONTROL_ALLOW_ORIGIN, "http://foo.com"), (VARY, "origin")]),
        ),
        (
            Cors::Allowed { origin, credentials: true },
            headers(&[
                (ACCESS_CONTROL_ALLOW_ORIGIN, "http://foo.com"),
                (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
                (VARY, "origin"),
            ]),
        ),
    ] {
        let mut written = HeaderMap::new();
        cors.apply(&mut written);
        assert_eq!(written, expected, "{cors:?}");
    }
}

#[test]
fn answers_preflights() {
    let post = (ACCESS_CONTROL_REQUEST_METHOD, "POST");
    let asks = (ACCESS_CONTROL_REQUEST_HEADERS, "X-A, content-type");
    let foo = (ORIGIN, "http://foo.com");
    let methods = (ACCESS_CONTROL_ALLOW_METHODS, "POST");

    let any = source(&["*"], false);
    assert_eq!(
        preflight(&any, &headers(&[post.clone(), asks.clone()])),
        Some(headers(&[
            methods.clone(),
            (ACCESS_CONTROL_ALLOW_HEADERS, "X-A, content-type"),
            (ACCESS_CONTROL_ALLOW_ORIGIN, "*")
        ]))
    );
    let listed = source(&["http://foo.com"], true);
    assert_eq!(
        preflight(&listed, &headers(&[post.clone(), foo.clone()])),
        Some(headers(&[
            methods,
            (ACCESS_CONTROL_ALLOW_HEADERS, ""),
            (ACCESS_CONTROL_ALLOW_ORIGIN, "http://foo.com"),
            (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
            (VARY, "origin"),
        ]))
    );
    for (settings, request) in [
        (&settings(), vec![post.clone(), foo.clone()]),
        (&any, vec![(ACCESS_CONTROL_REQUEST_METHOD, "PUT")]),
        (&any, vec![foo]),
        (&listed, vec![post.clone()]),
        (&listed, vec![post, (ORIGIN, "http://bar.com")]),
    ] {
        assert_eq!(preflight(settings, &headers(&request)), None, "{request:?}");
    }
}
