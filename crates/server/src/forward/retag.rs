//! `tag` and `add_tag_prefix`: what becomes of the tag a sender gives.

use fluentcast_config::settings::ForwardSource;
use fluentcast_event::Tag;

/// Rewrites tags. A sender repeats its tag, so the last one is remembered.
#[derive(Debug)]
pub(super) struct Retag {
    prefix: Option<String>,
    /// The tag of every event (`tag`), the prefix included.
    fixed: Option<Tag>,
    last: Option<(Tag, Tag)>,
}

impl Retag {
    pub(super) fn new(settings: &ForwardSource) -> Self {
        let prefix = settings.add_tag_prefix.clone();
        let fixed = settings.tag.as_deref().map(|tag| prefixed(prefix.as_deref(), tag));
        Self { prefix, fixed, last: None }
    }

    pub(super) fn apply(&mut self, tag: Tag) -> Tag {
        if let Some(fixed) = &self.fixed {
            return fixed.clone();
        }
        if self.prefix.is_none() {
            return tag;
        }
        match &self.last {
            Some((from, to)) if *from == tag => to.clone(),
            _ => {
                let to = prefixed(self.prefix.as_deref(), tag.as_str());
                self.last = Some((tag, to.clone()));
                to
            }
        }
    }
}

fn prefixed(prefix: Option<&str>, tag: &str) -> Tag {
    match prefix {
        Some(prefix) => format!("{prefix}.{tag}").into(),
        None => tag.into(),
    }
}
