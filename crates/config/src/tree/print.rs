//! A tree as text in the classic format.

use super::{Element, Param, Value};

impl Element {
    /// The root's content, or the section with its tags. Reading it gives the same tree (places aside):
    /// what cannot stand bare is quoted.
    #[must_use]
    pub fn print(&self) -> String {
        let mut out = String::new();
        if self.name == Self::ROOT {
            self.print_body(0, &mut out);
        } else {
            self.print_section(0, &mut out);
        }
        out
    }

    fn print_section(&self, depth: usize, out: &mut String) {
        let indent = "  ".repeat(depth);
        let arg = match self.arg.as_str() {
            "" => String::new(),
            arg if arg_stands_bare(arg) => format!(" {arg}"),
            arg => format!(" {}", quoted(arg)),
        };
        out.push_str(&format!("{indent}<{}{arg}>\n", self.name));
        self.print_body(depth + 1, out);
        out.push_str(&format!("{indent}</{}>\n", self.name));
    }

    fn print_body(&self, depth: usize, out: &mut String) {
        let indent = "  ".repeat(depth);
        for Param { key, value, .. } in &self.params {
            let key = if key_stands_bare(key) { key.clone() } else { quoted(key) };
            let value = match value {
                Value::Nil => "\"#{use_nil}\"".to_owned(),
                Value::Default => "\"#{use_default}\"".to_owned(),
                Value::Text(text) if value_stands_bare(text) => text.clone(),
                Value::Text(text) => quoted(text),
            };
            out.push_str(&format!("{indent}{key} {value}\n"));
        }
        for child in &self.children {
            child.print_section(depth, out);
        }
    }
}

fn has_blank_or_line_end(text: &str) -> bool {
    text.contains([' ', '\t', '\n', '\r'])
}

/// A byte order mark would be dropped at the start of the text.
fn key_stands_bare(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(['"', '\'', '<', '#', '\u{feff}'])
        && !has_blank_or_line_end(key)
        && key != "include"
}

fn arg_stands_bare(arg: &str) -> bool {
    arg.trim_matches([' ', '\t']) == arg
        && !arg.starts_with(['"', '\''])
        && !arg.contains(['>', '#', '\n', '\r'])
}

fn value_stands_bare(value: &str) -> bool {
    !value.is_empty()
        && value.trim_matches([' ', '\t']) == value
        && !value.starts_with(['"', '\'', '[', '{', '#'])
        && !value.contains(['\n', '\r'])
        && !value.contains(" #")
        && !value.contains("\t#")
}

/// Double-quoted, so that every text can be written.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' | '#' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{c}' => out.push_str("\\f"),
            '\u{8}' => out.push_str("\\b"),
            '\0' => out.push_str("\\0"),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}
