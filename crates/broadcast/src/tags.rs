//! Which tags a client asked for: `$tag=app.**`, repeatable, `!` excludes.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use fluentcast_event::pattern::{PatternError, TagPattern};

/// A choice of tags. Takes a tag that one of the included patterns takes (any, when there are none) and
/// none of the excluded. Equal choices compare equal in whatever order they were written. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct TagChoice {
    /// As written, sorted, without duplicates: what makes two choices equal.
    written: Arc<[String]>,
    include: Arc<[TagPattern]>,
    exclude: Arc<[TagPattern]>,
}

impl PartialEq for TagChoice {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for TagChoice {}

impl Hash for TagChoice {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.written.hash(state);
    }
}

impl TagChoice {
    /// Reads patterns in Fluentd's grammar (several in one are any of them); a leading `!` excludes.
    ///
    /// # Errors
    /// What is wrong with the first pattern that is none.
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, PatternError> {
        let mut written: Vec<String> =
            patterns.into_iter().map(|pattern| pattern.trim().to_owned()).collect();
        written.sort();
        written.dedup();
        let (mut include, mut exclude) = (Vec::new(), Vec::new());
        for pattern in &written {
            match pattern.strip_prefix('!') {
                Some(excluded) => exclude.push(TagPattern::parse(excluded.trim_start())?),
                None => include.push(TagPattern::parse(pattern)?),
            }
        }
        Ok(Self { written: written.into(), include: include.into(), exclude: exclude.into() })
    }

    /// Whether every tag is taken.
    #[must_use]
    pub fn takes_everything(&self) -> bool {
        self.written.is_empty()
    }

    /// Whether the tag is taken.
    #[must_use]
    pub fn takes(&self, tag: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|pattern| pattern.matches(tag)))
            && !self.exclude.iter().any(|pattern| pattern.matches(tag))
    }

    /// The patterns as written, sorted.
    #[must_use]
    pub fn written(&self) -> &[String] {
        &self.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_and_not_excluded() {
        let takes = |patterns: &[&str], tag| TagChoice::parse(patterns.iter().copied()).unwrap().takes(tag);
        assert!(takes(&[], "any.thing"));
        assert!(takes(&["app.**"], "app.a.b") && !takes(&["app.**"], "db.a"));
        assert!(takes(&["app.*", "db.*"], "db.a") && takes(&["app.* db.*"], "db.a"));
        assert!(takes(&["!app.**"], "db.a") && !takes(&["!app.**"], "app.x"));
        assert!(!takes(&["app.**", "! app.debug"], "app.debug") && takes(&["app.**", "!app.debug"], "app.x"));
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let choice = |patterns: &[&str]| TagChoice::parse(patterns.iter().copied()).unwrap();
        assert_eq!(choice(&["a", "!b"]), choice(&["!b", "a", "a"]));
        assert_ne!(choice(&["a"]), choice(&["!a"]));
        assert!(TagChoice::parse(["/(/"]).is_err());
    }
}
