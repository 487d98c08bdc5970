//! `@type record_transformer`, without Ruby.

use std::collections::HashMap;

use fluentcast_event::template::{Template, Text};

use super::super::accessor;
use super::super::reader::{Reader, value_place};
use crate::parameters::filter::RECORD;
use crate::settings::{PathStep, RecordTransformer};
use crate::tree::{Param, Value};

pub(super) fn read(mut reader: Reader<'_, '_>) -> RecordTransformer {
    let transformer = RecordTransformer {
        record: record(&mut reader),
        renew_record: reader.get("renew_record"),
        renew_time_key: reader.opt("renew_time_key"),
        keep_keys: reader.opt("keep_keys").unwrap_or_default(),
        remove_keys: paths(&mut reader, "remove_keys"),
        auto_typecast: reader.get("auto_typecast"),
    };
    if reader.get("enable_ruby") {
        let span = reader.place("enable_ruby").unwrap_or(reader.span());
        reader
            .ctx
            .error("ruby-code", span, "there is no Ruby here: `enable_ruby` cannot be turned on")
            .help("remove it; `${record[\"key\"]}`, `${record.dig(\"a\", \"b\")}` and the other placeholders work without");
    }
    if !transformer.keep_keys.is_empty() && !transformer.renew_record {
        let span = reader.place("keep_keys").unwrap_or(reader.span());
        reader
            .ctx
            .error("invalid-value", span, "`renew_record` must be true to use `keep_keys`")
            .help("add `renew_record true`");
    }
    reader.finish();
    transformer
}

/// The fields to set, from all `<record>` sections; a later one of the same name wins.
fn record(reader: &mut Reader<'_, '_>) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut places = HashMap::new();
    for element in reader.children("record") {
        let section = Reader::new(reader.ctx, &RECORD, element);
        let params = section.free();
        section.finish();
        for param in params {
            let Some(template) = template(reader, param) else {
                continue;
            };
            let place = *places.entry(&param.key).or_insert(fields.len());
            match fields.get_mut(place) {
                Some(field) => field.1 = template,
                None => fields.push((param.key.clone(), template)),
            }
        }
    }
    fields
}

/// The template of a field, checked.
fn template(reader: &mut Reader<'_, '_>, param: &Param) -> Option<String> {
    let span = value_place(param);
    let Value::Text(text) = &param.value else {
        let message = format!("the field `{}` is nil", param.key);
        reader.ctx.error("nil-value", span, message).help("give it a value, or name it in `remove_keys`");
        return None;
    };
    if let Err(error) = Template::parse(text) {
        reader.ctx.error("bad-template", span, error.to_string());
    }
    if let Err(error) = Text::parse(&param.key) {
        reader.ctx.error("bad-template", param.key_span, error.to_string());
    }
    Some(text.clone())
}

fn paths(reader: &mut Reader<'_, '_>, name: &str) -> Vec<Vec<PathStep>> {
    let names: Vec<String> = reader.opt(name).unwrap_or_default();
    let span = reader.place(name).unwrap_or(reader.span());
    let mut paths = Vec::with_capacity(names.len());
    for field in names {
        match accessor::parse(&field) {
            Ok(path) => paths.push(path),
            Err(advice) => {
                let draft = reader.ctx.error("invalid-value", span, format!("{name}: {}", advice.message));
                if let Some(help) = advice.help {
                    draft.help(help);
                }
            }
        }
    }
    paths
}
