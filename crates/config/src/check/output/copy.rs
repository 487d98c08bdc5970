//! `@type copy`.

use super::super::plugin::argument;
use super::super::reader::Reader;
use crate::settings::Store;
use crate::tree::Element;

pub(super) fn read(mut reader: Reader<'_, '_>) -> Vec<Store> {
    let sections = reader.children("store");
    if sections.is_empty() {
        let span = reader.span();
        reader
            .ctx
            .error("missing-section", span, "'<store>' sections are required")
            .help("add a `<store>` ... `</store>` for every output");
    }
    let mut stores = Vec::with_capacity(sections.len());
    for (index, element) in sections.into_iter().enumerate() {
        stores.extend(store(&mut reader, element, index == 0));
    }
    reader.finish();
    stores
}

/// Fluentd looks for the two words anywhere in the argument.
fn store<'a>(reader: &mut Reader<'_, 'a>, element: &'a Element, first: bool) -> Option<Store> {
    let (words, span) = argument(element);
    let ignore_error = words.contains("ignore_error");
    let ignore_if_prev_success = words.contains("ignore_if_prev_success");
    if ignore_if_prev_success && first {
        reader
            .ctx
            .error("store-order", span, "ignore_if_prev_success must not be set on the first store")
            .help("there is no store before it; move it down");
    }
    for word in
        words.split_whitespace().filter(|word| !matches!(*word, "ignore_error" | "ignore_if_prev_success"))
    {
        reader
            .ctx
            .warning("unknown-parameter", span, format!("'{word}' of <store> is not used"))
            .help("known are `ignore_error` and `ignore_if_prev_success`");
    }
    let output = super::read(reader.ctx, element)?;
    Some(Store { ignore_error, ignore_if_prev_success, output })
}
