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
    /// What must take it, too.
    within: Option<Arc<TagChoice>>,
}

impl PartialEq for TagChoice {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written && self.within == other.within
    }
}

impl Eq for TagChoice {}

impl Hash for TagChoice {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.written.hash(state);
        self.within.hash(state);
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
        Ok(Self { written: written.into(), include: include.into(), exclude: exclude.into(), within: None })
    }

    /// Takes what both take.
    #[must_use]
    pub fn within(self, outer: &Self) -> Self {
        if outer.takes_everything() {
            return self;
        }
        let within = match self.within {
            None => outer.clone(),
            Some(inner) => Self::clone(&inner).within(outer),
        };
        Self { within: Some(Arc::new(within)), ..self }
    }

    /// Whether every tag is taken.
    #[must_use]
    pub fn takes_everything(&self) -> bool {
        self.written.is_empty() && self.within.is_none()
    }

    /// Whether the tag is taken.
    #[must_use]
    pub fn takes(&self, tag: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|pattern| pattern.matches(tag)))
            && !self.exclude.iter().any(|pattern| pattern.matches(tag))
            && self.within.as_ref().is_none_or(|within| within.takes(tag))
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
    fn within_another_takes_what_both_take() {
        let choice = |patterns: &[&str]| TagChoice::parse(patterns.iter().copied()).unwrap();
        let outer = choice(&["app.**", "!app.secret"]);
        for (asked, tag, taken) in [
            (&[][..], "app.x", true),
            (&[], "db.x", false),
            (&[], "app.secret", false),
            (&["**"], "app.secret", false),
            (&["app.secret", "db.**"], "app.secret", false),
            (&["app.x"], "app.y", false),
            (&["!app.x"], "app.y", true),
        ] {
            assert_eq!(choice(asked).within(&outer).takes(tag), taken, "{asked:?} {tag}");
        }
        assert_ne!(choice(&["a"]).within(&outer), choice(&["a"]));
        assert_eq!(choice(&["a"]).within(&outer), choice(&["a"]).within(&outer.clone()));
        assert!(!choice(&[]).within(&outer).takes_everything());
        let both = choice(&[]).within(&choice(&["app.*"])).within(&choice(&["*.x"]));
        assert!(both.takes("app.x") && !both.takes("app.y") && !both.takes("db.x"));
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let choice = |patterns: &[&str]| TagChoice::parse(patterns.iter().copied()).unwrap();
        assert_eq!(choice(&["a", "!b"]), choice(&["!b", "a", "a"]));
        assert_ne!(choice(&["a"]), choice(&["!a"]));
        assert!(TagChoice::parse(["/(/"]).is_err());
    }
}
