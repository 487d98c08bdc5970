//! The events of the YAML parser, as nodes that know where they stand.

use std::collections::HashMap;
use std::rc::Rc;

use fluentcast_event::limits::NESTING_DEPTH_MAX;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span as YamlSpan, Tag as YamlTag};

use crate::load::Loader;
use crate::source::Span;

/// One node; an alias is the same node again.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) tag: Tag,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) enum Kind {
    Scalar {
        text: String,
        /// Without quotes, so that its look says what it is.
        plain: bool,
    },
    List(Vec<Rc<Node>>),
    Map(Vec<(Rc<Node>, Rc<Node>)>),
}

/// The tags that mean something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    None,
    /// `!!str`
    Text,
    /// `!fluent/s`
    Interpolated,
    /// `!fluent/json`
    Json,
    /// `!include`
    Include,
    /// Any other, as written.
    Unknown(String),
}

impl Tag {
    fn of(tag: Option<&YamlTag>) -> Self {
        let Some(tag) = tag else {
            return Self::None;
        };
        match (tag.handle.as_str(), tag.suffix.as_str()) {
            ("!", "fluent/s") => Self::Interpolated,
            ("!", "fluent/json") => Self::Json,
            ("!", "include") => Self::Include,
            (_, "str") if tag.is_yaml_core_schema() => Self::Text,
            _ if tag.is_yaml_core_schema() => Self::None,
            _ => Self::Unknown(tag.to_string()),
        }
    }
}

/// A list or map that is still open.
struct Frame {
    map: bool,
    items: Vec<Rc<Node>>,
    tag: Tag,
    anchor: usize,
    start: u32,
}

/// Reads text number `file`; nothing when it is empty. After a mistake, what stood before it.
pub(super) fn read(loader: &mut Loader<'_>, file: u32) -> Option<Rc<Node>> {
    let text = loader.sources.file(file)?.text.clone();
    let mut reader = Reader {
        loader,
        file,
        offsets: Offsets::new(&text),
        stack: Vec::new(),
        anchors: HashMap::new(),
        root: None,
    };
    reader.run(&text);
    while let Some(frame) = reader.stack.pop() {
        reader.finish(frame, u32::try_from(text.len()).unwrap_or(u32::MAX));
    }
    reader.root
}

struct Reader<'a, 'e> {
    loader: &'a mut Loader<'e>,
    file: u32,
    offsets: Offsets<'a>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
}

impl<'a> Reader<'a, '_> {
    fn run(&mut self, text: &'a str) {
        for event in Parser::new_from_str(text) {
            match event {
                Ok((event, span)) => {
                    if !self.event(event, span) {
                        return;
                    }
                }
                Err(error) => {
                    let at = self.offsets.byte(*error.marker());
                    let span = Span { file: self.file, start: at, end: at };
                    self.loader
                        .diagnostics
                        .error("yaml-syntax", span, format!("this is not YAML: {}", error.info()))
                        .help("texts that hold `: `, ` #` or begin with `*`, `@`, `{`, `[` need quotes");
                    return;
                }
            }
        }
    }

    /// Takes one event; says whether to go on.
    fn event(&mut self, event: Event<'_>, span: YamlSpan) -> bool {
        let place =
            Span { file: self.file, start: self.offsets.byte(span.start), end: self.offsets.byte(span.end) };
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                self.loader
                    .diagnostics
                    .error("yaml-structure", place, "a configuration is one YAML document")
                    .help("put the second document into its own file and `!include` it");
                return false;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let kind = Kind::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.add(Rc::new(Node { kind, tag: Tag::of(tag.as_deref()), span: place }), anchor);
            }
            Event::SequenceStart(anchor, tag) => return self.open(false, anchor, tag.as_deref(), place),
            Event::MappingStart(anchor, tag) => return self.open(true, anchor, tag.as_deref(), place),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(frame) = self.stack.pop() {
                    self.finish(frame, place.end);
                }
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.add(node, 0),
                None => {
                    self.loader
                        .diagnostics
                        .error("yaml-alias", place, "this alias stands within what it means")
                        .help("an anchor can be used only after its end");
                    return false;
                }
            },
            _ => {}
        }
        true
    }

    fn open(&mut self, map: bool, anchor: usize, tag: Option<&YamlTag>, place: Span) -> bool {
        if self.stack.len() >= NESTING_DEPTH_MAX {
            self.loader
                .diagnostics
                .error(
                    "section-depth",
                    place,
                    format!("lists and maps are nested more than {NESTING_DEPTH_MAX} deep"),
                )
                .help("a configuration needs a few levels only");
            return false;
        }
        self.stack.push(Frame { map, items: Vec::new(), tag: Tag::of(tag), anchor, start: place.start });
        true
    }

    fn finish(&mut self, frame: Frame, end: u32) {
        let span = Span { file: self.file, start: frame.start, end: end.max(frame.start) };
        let kind = if frame.map {
            let mut items = frame.items.into_iter();
            let pairs = std::iter::from_fn(|| Some((items.next()?, items.next()?)));
            Kind::Map(pairs.collect())
        } else {
            Kind::List(frame.items)
        };
        self.add(Rc::new(Node { kind, tag: frame.tag, span }), frame.anchor);
    }

    fn add(&mut self, node: Rc<Node>, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        match self.stack.last_mut() {
            Some(frame) => frame.items.push(node),
            None => self.root = Some(node),
        }
    }
}

/// Turns the YAML parser's counts of characters into bytes.
struct Offsets<'a> {
    text: &'a str,
    /// The byte at which every [`STEP`]th character starts; empty when all are one byte.
    steps: Vec<usize>,
}

const STEP: usize = 64;

impl<'a> Offsets<'a> {
    fn new(text: &'a str) -> Self {
        let steps = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().step_by(STEP).map(|(at, _)| at).collect()
        };
        Self { text, steps }
    }

    fn byte(&self, marker: Marker) -> u32 {
        let index = marker.index();
        let at = match self.steps.get(index / STEP) {
            None if self.steps.is_empty() => index.min(self.text.len()),
            None => self.text.len(),
            Some(&start) => {
                let rest = &self.text[start..];
                start + rest.char_indices().nth(index % STEP).map_or(rest.len(), |(at, _)| at)
            }
        };
        u32::try_from(at).unwrap_or(u32::MAX)
    }
}
