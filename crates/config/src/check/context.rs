//! What all checks share: the texts, the mistakes, and what must be known across sections.

use std::collections::HashMap;

use super::codes;
use super::ports::Bind;
use crate::diagnostics::{Diagnostics, Draft};
use crate::settings::{Origin, ScopeId};
use crate::source::{SourceMap, Span};
use crate::suggest;
use crate::values::Strictness;

/// What all checks share.
pub(super) struct Context<'a> {
    sources: &'a SourceMap,
    diagnostics: &'a mut Diagnostics,
    /// How strictly numbers are read.
    pub(super) strictness: Strictness,
    /// Permissions of new files and directories, once `<system>` is read.
    pub(super) file_modes: (u32, u32),
    /// Every label, and the root as `@ROOT`.
    pub(super) labels: HashMap<String, ScopeId>,
    /// Every address something listens on.
    pub(super) binds: Vec<Bind>,
    /// Where the outputs read since this was last emptied hand their events on to.
    pub(super) relabels: Vec<(ScopeId, Span)>,
    ids: HashMap<String, Span>,
    /// Which parameters were read, so that a test can hold them against the table.
    #[cfg(test)]
    pub(super) reads: std::collections::BTreeSet<(&'static str, &'static str)>,
}

impl<'a> Context<'a> {
    pub(super) fn new(sources: &'a SourceMap, diagnostics: &'a mut Diagnostics) -> Self {
        Self {
            sources,
            diagnostics,
            strictness: Strictness::Lenient,
            file_modes: (0, 0),
            labels: HashMap::from([("@ROOT".to_owned(), ScopeId::ROOT)]),
            binds: Vec::new(),
            relabels: Vec::new(),
            ids: HashMap::new(),
            #[cfg(test)]
            reads: std::collections::BTreeSet::new(),
        }
    }

    pub(super) fn error(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> Draft<'_> {
        debug_assert!(codes::is_known(code), "{code} is missing in the list of codes");
        self.diagnostics.error(code, span, message)
    }

    pub(super) fn warning(
        &mut self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
    ) -> Draft<'_> {
        debug_assert!(codes::is_known(code), "{code} is missing in the list of codes");
        self.diagnostics.warning(code, span, message)
    }

    pub(super) fn note(&mut self, code: &'static str, span: Span, message: impl Into<String>) -> Draft<'_> {
        debug_assert!(codes::is_known(code), "{code} is missing in the list of codes");
        self.diagnostics.note(code, span, message)
    }

    /// The place for a person.
    pub(super) fn origin(&self, span: Span) -> Origin {
        self.sources.location(span)
    }

    /// The scope of a `@label`.
    pub(super) fn label(&mut self, name: &str, span: Span) -> Option<ScopeId> {
        if let Some(scope) = self.labels.get(name) {
            return Some(*scope);
        }
        let mut known: Vec<_> = self.labels.keys().map(String::as_str).collect();
        known.sort_unstable();
        let help = suggest::did_you_mean(name, known)
            .unwrap_or_else(|| format!("add a section `<label {name}>` ... `</label>`"));
        self.error("unknown-label", span, format!("{name} label not found")).help(help);
        None
    }

    /// Takes an `@id`, which must be the only one of that name.
    pub(super) fn id(&mut self, id: &str, span: Span) {
        let Some(first) = self.ids.insert(id.to_owned(), span) else {
            return;
        };
        let place = self.origin(first);
        self.error("duplicate-id", span, format!("the @id `{id}` is already taken at {place}"))
            .help("give every plugin its own @id");
    }
}
