//! What a configuration says, as written: elements, parameters, and where each word stood.

use crate::source::Span;

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
    /// Where the value stood (empty, at the end of the name, when there is none).
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
    /// The parameter of that name.
    #[must_use]
    pub fn param(&self, key: &str) -> Option<&Param> {
        self.params.iter().find(|param| param.key == key)
    }
}
