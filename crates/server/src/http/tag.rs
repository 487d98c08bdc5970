//! The tag of a request: its path, as Fluentd reads it.

use fluentcast_event::Tag;
use fluentcast_event::limits::TAG_BYTES_MAX;

/// Turns a path into a tag: slashes become dots, those at the end are dropped. Nothing is
/// percent-decoded. A path that begins with two slashes names a host first, which is skipped.
///
/// # Errors
/// When the tag is longer than [`TAG_BYTES_MAX`].
pub(super) fn from_path(path: &str, prefix: Option<&str>) -> Result<Tag, String> {
    let path = match path.strip_prefix("//") {
        Some(authority) => authority.find('/').map_or("", |end| &authority[end..]),
        None => path,
    };
    let path = path.strip_prefix('/').unwrap_or(path).trim_end_matches('/');
    let mut tag = path.replace('/', ".");
    if let Some(prefix) = prefix {
        tag = format!("{prefix}.{tag}");
    }
    if tag.len() > TAG_BYTES_MAX {
        return Err(format!("the tag is longer than {TAG_BYTES_MAX} bytes"));
    }
    Ok(tag.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_paths_to_tags() {
        for (path, tag) in [
            ("/app.log", "app.log"),
            ("/x/y/z", "x.y.z"),
            ("/foo/bar", "foo.bar"),
            ("/", ""),
            ("", ""),
            ("/a%20b/c", "a%20b.c"),
            ("/a/b/", "a.b"),
            ("/a/b///", "a.b"),
            ("/a//b", "a..b"),
            ("//a//b/", ".b"),
            ("//a", ""),
            ("///", ""),
            ("///b", "b"),
        ] {
            assert_eq!(from_path(path, None).as_ref().map(Tag::as_str), Ok(tag), "{path:?}");
        }
    }

    #[test]
    fn puts_the_prefix_before_it() {
        assert_eq!(from_path("/a/b", Some("up")).as_ref().map(Tag::as_str), Ok("up.a.b"));
        assert_eq!(from_path("/", Some("up")).as_ref().map(Tag::as_str), Ok("up."));
    }

    #[test]
    fn bounds_the_length() {
        let fits = format!("/{}", "a".repeat(TAG_BYTES_MAX));
        assert!(from_path(&fits, None).is_ok());
        assert!(from_path(&format!("{fits}a"), None).is_err());
        assert!(from_path(&fits, Some("p")).is_err());
    }
}
