//! What a configuration says, as written: elements, parameters, and where each word stood.
//!
//! [`Element::print`] writes a tree as text again; reading that text gives the same tree.

use std::collections::HashMap;

use crate::source::Span;

mod print;

/// What a parameter was set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Text, unquoted, interpolated, JSON made compact.
    Text(String),
    /// `use_nil`, or an empty value in YAML.
    Nil,
    /// `use_default`: as if the parameter were not there.
    Default,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// The name.
    pub key: String,
    /// Where the name stood.
    pub key_span: Span,
    /// The value.
    pub value: Value,
    /// Where the value stood, quotes included (empty, at the end of the name, when there is none).
    pub value_span: Span,
}

/// A section, or the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// `ROOT`, `source`, `match`, ...
    pub name: String,
    /// Where the name stood.
    pub name_span: Span,
    /// The argument, empty when there is none.
    pub arg: String,
    /// Where the argument stood (empty, at the end of the name, when there is none).
    pub arg_span: Span,
    /// The parameters in order of first appearance; a parameter written twice keeps the last value
    /// (Fluentd: silently), with the spans of the last.
    pub params: Vec<Param>,
    /// The sections in order; sections never merge.
    pub children: Vec<Element>,
}

impl Element {
    /// The name of the root.
    pub const ROOT: &'static str = "ROOT";

    /// The parameter of that name.
    #[must_use]
    pub fn param(&self, key: &str) -> Option<&Param> {
        self.params.iter().find(|param| param.key == key)
    }
}

/// An element that still grows. Knows its parameters by name, so that a long list of them stays cheap.
pub(crate) struct Builder {
    element: Element,
    places: HashMap<String, usize>,
}

impl Builder {
    pub(crate) fn new(name: impl Into<String>, name_span: Span) -> Self {
        let element =
            Element { name: name.into(), name_span, arg_span: name_span.after(), ..Element::default() };
        Self { element, places: HashMap::new() }
    }

    pub(crate) fn with_arg(mut self, arg: String, span: Span) -> Self {
        self.element.arg = arg;
        self.element.arg_span = span;
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.element.name
    }

    pub(crate) fn name_span(&self) -> Span {
        self.element.name_span
    }

    /// Sets a parameter; the last one of a name wins, at the place of the first.
    pub(crate) fn set(&mut self, param: Param) {
        let next = self.element.params.len();
        let place = *self.places.entry(param.key.clone()).or_insert(next);
        match self.element.params.get_mut(place) {
            Some(earlier) => *earlier = param,
            None => self.element.params.push(param),
        }
    }

    pub(crate) fn add(&mut self, child: Element) {
        self.element.children.push(child);
    }

    pub(crate) fn finish(self) -> Element {
        self.element
    }
}
