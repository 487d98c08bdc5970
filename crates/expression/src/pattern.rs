//! Regular expressions of `matches`: RE2's syntax, and a bound on what they cost.
//!
//! Clients choose the expressions and senders the texts. A lazily built automaton reads a byte in 1 to
//! 2 ns; where the expression makes it build new states all the time it gives up, and the text is read by
//! simulation if the steps allow its worst case. An engine that decides by itself would take up to
//! microseconds a byte and could not be stopped.

use std::panic::{RefUnwindSafe, UnwindSafe};

use fluentcast_event::limits::{
    EXPRESSION_REGEX_BYTES_MAX, EXPRESSION_REGEX_CACHE_BYTES, EXPRESSION_REGEX_NESTING_MAX,
};
use regex_automata::hybrid::dfa::{self, DFA};
use regex_automata::nfa::thompson::pikevm::{self, PikeVM};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::pool::Pool;
use regex_automata::{Input, MatchKind};
use regex_syntax::ParserBuilder;

use crate::steps::{Fault, Steps};

mod re2;

#[cfg(test)]
mod tests;

/// New states of the automaton are built at most this often, in bytes read per state, once its cache was
/// full.
const BYTES_PER_STATE_MIN: usize = 32;

/// How often the cache may be filled before that rule holds.
const CACHE_CLEARS_FREE: usize = 3;

/// So many states of the program make the automaton's reading twice as expensive: to build one of its own
/// costs some nanoseconds for each of them, once in [`BYTES_PER_STATE_MIN`] bytes at worst.
const STATES_PER_COST: usize = 64;

/// A compiled regular expression.
pub(crate) struct Pattern {
    text: Box<str>,
    states: usize,
    automaton: DFA,
    simulation: PikeVM,
    caches: Pool<Caches, NewCaches>,
}

type NewCaches = Box<dyn Fn() -> Caches + Send + Sync + UnwindSafe + RefUnwindSafe>;

struct Caches {
    automaton: dfa::Cache,
    simulation: Option<pikevm::Cache>,
}

impl Pattern {
    /// Compiles it, or says what is wrong with it.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let rust = re2::to_rust(text)?;
        // The translation may add a level.
        let mut parser =
            ParserBuilder::new().utf8(false).nest_limit(EXPRESSION_REGEX_NESTING_MAX + 2).build();
        let hir = parser.parse(&rust).map_err(|error| match error {
            regex_syntax::Error::Parse(error) => error.kind().to_string(),
            regex_syntax::Error::Translate(error) => error.kind().to_string(),
            _ => "it cannot be read".to_owned(),
        })?;
        let config = thompson::Config::new()
            .utf8(false)
            .which_captures(WhichCaptures::None)
            .nfa_size_limit(Some(EXPRESSION_REGEX_BYTES_MAX));
        let program = NFA::compiler().configure(config).build_from_hir(&hir).map_err(|_| {
            format!("it takes more than {} KiB when compiled; repeat less", EXPRESSION_REGEX_BYTES_MAX / 1024)
        })?;
        Self::from_program(text, &program).ok_or_else(|| "it cannot be compiled".to_owned())
    }

    fn from_program(text: &str, program: &NFA) -> Option<Self> {
        let config = dfa::Config::new()
            .match_kind(MatchKind::LeftmostFirst)
            .cache_capacity(EXPRESSION_REGEX_CACHE_BYTES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(CACHE_CLEARS_FREE))
            .minimum_bytes_per_state(Some(BYTES_PER_STATE_MIN));
        let automaton = DFA::builder().configure(config).build_from_nfa(program.clone()).ok()?;
        let simulation = PikeVM::new_from_nfa(program.clone()).ok()?;
        let fresh = automaton.clone();
        Some(Self {
            text: text.into(),
            states: program.states().len(),
            automaton,
            simulation,
            caches: Pool::new(Box::new(move || Caches { automaton: fresh.create_cache(), simulation: None })),
        })
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it matches any part of the text.
    pub(crate) fn is_match(&self, text: &[u8], steps: &mut Steps) -> Result<bool, Fault> {
        steps.spend(text.len().saturating_mul(1 + self.states / STATES_PER_COST) / 2)?;
        let input = Input::new(text).earliest(true);
        let caches = &mut *self.caches.get();
        if let Ok(found) = self.automaton.try_search_fwd(&mut caches.automaton, &input) {
            return Ok(found.is_some());
        }
        steps.spend(text.len().saturating_mul(self.states))?;
        let cache = caches.simulation.get_or_insert_with(|| self.simulation.create_cache());
        Ok(self.simulation.is_match(cache, input))
    }
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}
