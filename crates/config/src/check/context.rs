//! What all checks share: the texts, the mistakes, and what must be known across sections.

use std::collections::HashMap;

use fluentcast_event::limits::CONFIG_DIAGNOSTICS_KEPT_MAX;

use super::codes;
use super::directories::Directory;
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
    /// `<system> without_source`.
    pub(super) without_source: bool,
    /// Every label, and the root as `@ROOT`.
    pub(super) labels: HashMap<String, ScopeId>,
    /// Every address something listens on.
    pub(super) binds: Vec<Bind>,
    /// Every directory that an output wants for itself.
    pub(super) directories: Vec<Directory>,
    /// Where the outputs read since this was last emptied hand their events on to.
    pub(super) relabels: Vec<(ScopeId, Span)>,
    /// Every `@id`.
    pub(super) ids: Vec<(String, Span)>,
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
            without_source: false,
            labels: HashMap::from([("@ROOT".to_owned(), ScopeId::ROOT)]),
            binds: Vec::new(),
            directories: Vec::new(),
            relabels: Vec::new(),
            ids: Vec::new(),
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

    /// The known word nearest to a mistyped one, as a sentence. Not when there are more mistakes than
    /// anybody is shown: looking is what costs most in a file of nothing but mistakes.
    pub(super) fn did_you_mean<'k, I>(&self, word: &str, known: impl FnOnce() -> I) -> Option<String>
    where
        I: IntoIterator<Item = &'k str>,
    {
        let mistakes = self.diagnostics.error_count().max(self.diagnostics.warning_count());
        if mistakes > CONFIG_DIAGNOSTICS_KEPT_MAX {
            return None;
        }
        suggest::did_you_mean(word, known())
    }

    /// The scope of a `@label`.
    pub(super) fn label(&mut self, name: &str, span: Span) -> Option<ScopeId> {
        if let Some(scope) = self.labels.get(name) {
            return Some(*scope);
        }
        let help = self
            .did_you_mean(name, || {
                let mut known: Vec<_> = self.labels.keys().map(String::as_str).collect();
                known.sort_unstable();
                known
            })
            .unwrap_or_else(|| format!("add a section `<label {name}>` ... `</label>`"));
        self.error("unknown-label", span, format!("{name} label not found")).help(help);
        None
    }

    /// Reports every `@id` that an earlier plugin has.
    pub(super) fn check_ids(&mut self) {
        let mut ids = std::mem::take(&mut self.ids);
        ids.sort_by_key(|(_, span)| *span);
        let mut firsts = HashMap::new();
        for (id, span) in ids {
            let Some(first) = firsts.get(&id) else {
                firsts.insert(id, span);
                continue;
            };
            let place = self.origin(*first);
            self.error("duplicate-id", span, format!("the @id `{id}` is already taken at {place}"))
                .help("give every plugin its own @id");
        }
    }
}
