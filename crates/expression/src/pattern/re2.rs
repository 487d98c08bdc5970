//! RE2's `\w`, `\d`, `\s` and `\b`, which know ASCII only, in the syntax of Rust's engine, where they
//! would be Unicode's: other results, and programs a hundred times as large.

use fluentcast_event::limits::{EXPRESSION_REGEX_NESTING_MAX, EXPRESSION_REGEX_WIDE_CLASSES_MAX};
use regex_syntax::ast::parse::ParserBuilder;
use regex_syntax::ast::{self, AssertionKind, Ast, ClassPerl, ClassPerlKind, ClassSetItem, Span, Visitor};

/// Code points beyond which a range is wide.
const WIDE_RANGE: u32 = 256;

/// The same expression for Rust's engine, or what is wrong with it.
pub(super) fn to_rust(text: &str) -> Result<String, String> {
    let mut parser = ParserBuilder::new().nest_limit(EXPRESSION_REGEX_NESTING_MAX).build();
    let tree = parser.parse(text).map_err(|error| {
        let before = text.get(..error.span().start.offset).unwrap_or(text);
        format!("at its character {}: {}", before.chars().count() + 1, error.kind())
    })?;
    let mut replacements = ast::visit(&tree, Replacements { text, found: Vec::new(), wide_classes: 0 })?;
    replacements.sort_unstable_by_key(|(span, _)| span.start.offset);
    let mut out = String::new();
    let mut copied = 0;
    for (span, replacement) in replacements {
        out.push_str(text.get(copied..span.start.offset).unwrap_or_default());
        out.push_str(&replacement);
        copied = span.end.offset;
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Ok(out)
}

/// What stands where in the text, and what shall stand there.
struct Replacements<'a> {
    text: &'a str,
    found: Vec<(Span, String)>,
    wide_classes: usize,
}

impl Replacements<'_> {
    /// A class may stand within another, so one form does for both places.
    fn add_class(&mut self, class: &ClassPerl) {
        let members = match class.kind {
            ClassPerlKind::Digit => "0-9",
            ClassPerlKind::Space => r"\t\n\f\r\x20",
            ClassPerlKind::Word => "0-9A-Za-z_",
        };
        let not = if class.negated { "^" } else { "" };
        self.found.push((class.span, format!("[{not}{members}]")));
    }

    /// One more class that is slow to read.
    fn count_wide_class(&mut self) -> Result<(), String> {
        self.wide_classes += 1;
        if self.wide_classes <= EXPRESSION_REGEX_WIDE_CLASSES_MAX {
            return Ok(());
        }
        Err(format!(r"more than {EXPRESSION_REGEX_WIDE_CLASSES_MAX} classes as wide as \pL"))
    }
}

impl Visitor for Replacements<'_> {
    type Output = Vec<(Span, String)>;
    type Err = String;

    fn finish(self) -> Result<Self::Output, String> {
        Ok(self.found)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), String> {
        match ast {
            Ast::ClassPerl(class) => self.add_class(class),
            Ast::ClassUnicode(_) => self.count_wide_class()?,
            Ast::Assertion(assertion) => {
                use AssertionKind::{EndLine, EndText, StartLine, StartText};
                if !matches!(assertion.kind, StartLine | EndLine | StartText | EndText) {
                    let Span { start, end } = assertion.span;
                    let boundary = self.text.get(start.offset..end.offset).unwrap_or_default();
                    self.found.push((assertion.span, format!("(?-u:{boundary})")));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), String> {
        if let ClassSetItem::Perl(class) = item {
            self.add_class(class);
        }
        let is_wide = match item {
            ClassSetItem::Unicode(_) => true,
            ClassSetItem::Perl(class) => class.negated,
            ClassSetItem::Ascii(class) => class.negated,
            ClassSetItem::Bracketed(class) => class.negated,
            ClassSetItem::Range(range) => u32::from(range.end.c) - u32::from(range.start.c) > WIDE_RANGE,
            ClassSetItem::Empty(_) | ClassSetItem::Literal(_) | ClassSetItem::Union(_) => false,
        };
        if is_wide { self.count_wide_class() } else { Ok(()) }
    }
}
