//! What the holder of a token may see, and the one place where what a client asks for becomes what it is
//! sent.
//!
//! Whatever a client asks for, in its URL, in a message, or by being slow, passes through
//! [`Rights::view`]: there is no other way to a view for a client with rights. Everything is narrowed
//! there and nothing can be widened.

use std::num::NonZeroU32;
use std::sync::Arc;

use fluentcast_broadcast::encode::Shape;
use fluentcast_broadcast::tags::TagChoice;
use fluentcast_broadcast::view::ViewKey;
use fluentcast_config::settings::Token;
use fluentcast_event::pattern::PatternError;
use fluentcast_event::reduction::Reduction;
use fluentcast_expression::Expression;

use super::query::Query;

/// What its holders may see. By default everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    pub(super) tags: TagChoice,
    pub(super) filter: Option<Expression>,
    pub(super) reduction: Option<Arc<Reduction>>,
    pub(super) max_rate: Option<NonZeroU32>,
}

impl Rights {
    /// Those of a `<token>`; what a signed one says of its own is read in [`super::jwt`].
    ///
    /// # Errors
    /// A pattern that is none; a checked configuration has no such.
    pub fn of(token: &Token) -> Result<Self, PatternError> {
        Ok(Self {
            tags: TagChoice::parse(token.tags.iter().map(String::as_str))?,
            filter: token.filter.clone(),
            reduction: Reduction::new(token.fields.clone(), token.redact.clone()).map(Arc::new),
            max_rate: token.max_rate.and_then(NonZeroU32::new),
        })
    }

    /// The view for a client that asks for this in this form.
    pub(super) fn view(&self, shape: &Shape, query: Query) -> ViewKey {
        let Query { tags, filter, fields, max_rate, .. } = query;
        let fields = Reduction::asked(self.reduction.as_deref(), fields).map(Arc::new);
        ViewKey {
            shape: Shape { fields, ..shape.clone() },
            tags: tags.within(&self.tags),
            filter: filter.within(self.filter.clone(), self.reduction.clone()),
            max_rate: max_rate.into_iter().chain(self.max_rate).min(),
        }
    }
}
