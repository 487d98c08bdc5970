//! The short page at `/`, where no output's live page is: what this is and where the streams are.

use hyper::header::{HOST, HeaderMap};

use super::admit::Site;

/// The page of a port with these outputs, over TLS or not.
pub(super) fn html(headers: &HeaderMap, sites: &[Site], secure: bool) -> String {
    let outputs: Vec<_> = sites.iter().map(|site| (site.path.as_str(), site.ui)).collect();
    naming(headers, &outputs, secure)
}

/// The page, naming the prefixes of outputs and, where there is one, their live page.
fn naming(headers: &HeaderMap, outputs: &[(&str, bool)], secure: bool) -> String {
    let s = if secure { "s" } else { "" };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|host| is_plain(host));
    let host = host.unwrap_or("localhost");
    let mut streams = String::new();
    for (path, has_page) in outputs {
        streams.push_str("<li><code>ws");
        streams.push_str(s);
        streams.push_str("://");
        streams.push_str(host);
        escape(path, &mut streams);
        streams.push_str("</code>");
        if *has_page {
            streams.push_str(" (<a href=\"");
            escape(path.trim_end_matches('/'), &mut streams);
            streams.push_str("/\">watch it here</a>)");
        }
        streams.push_str("</li>\n");
    }
    let first = outputs.first().map_or("", |(path, _)| path.trim_end_matches('/'));
    let mut events = format!("http{s}://{host}");
    escape(first, &mut events);
    events.push_str("/events");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Fluentcast</title>\n\
         <h1>Fluentcast</h1>\n<p>Events are streamed here over WebSocket, one event per message:</p>\n\
         <ul>\n{streams}</ul>\n\
         <p>Add <code>?field=value</code> to see only events whose field has that value, and\n\
         <code>token=…</code> when the stream needs one. <a href=\"/healthz\">/healthz</a> says whether the\n\
         server is up, <a href=\"/metrics\">/metrics</a> what it counts.</p>\n\
         <p>Without WebSocket: <code>curl -sN '{events}?$last=10'</code> streams the same as lines of JSON, and\n\
         to whoever accepts <code>text/event-stream</code> as server-sent events. The subprotocol\n\
         <code>fluentcast.v1.json</code> numbers events, so that a client can go on where it was.</p>\n</html>\n"
    )
}

/// Whether a Host header is a host and a port and nothing that means something in HTML.
fn is_plain(host: &str) -> bool {
    !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'))
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn the_page_names_every_stream_and_trusts_no_host() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("logs.example:8080"));
        let page = naming(&headers, &[("/", false), ("/a<b", true)], false);
        assert!(page.contains("<code>ws://logs.example:8080/</code>"));
        assert!(page.contains("<code>ws://logs.example:8080/a&lt;b</code>"));
        assert!(page.contains("'http://logs.example:8080/events?$last=10'"));
        assert!(page.contains("<a href=\"/a&lt;b/\">") && page.matches("<a href=\"/a").count() == 1);
        headers.insert(HOST, HeaderValue::from_static("<script>"));
        assert!(naming(&headers, &[("/", false)], false).contains("ws://localhost/"));
        let secure = naming(&headers, &[("/", false)], true);
        assert!(secure.contains("wss://localhost/") && secure.contains("https://localhost/events"));
    }
}
