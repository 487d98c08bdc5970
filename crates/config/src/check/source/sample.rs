//! `@type sample`.

use serde_json::Value as Json;

use super::super::reader::Reader;
use super::tag;
use crate::settings::SampleSource;

pub(super) fn read(mut reader: Reader<'_, '_>) -> SampleSource {
    let sample = SampleSource {
        tag: tag(&mut reader, "tag").unwrap_or_default(),
        records: records(&mut reader),
        rate: reader.get("rate"),
        size: reader.get("size"),
        auto_increment_key: reader.opt("auto_increment_key"),
    };
    reader.finish();
    sample
}

/// One JSON object, or a list of at least one.
fn records(reader: &mut Reader<'_, '_>) -> Vec<String> {
    let text: String = reader.get("sample");
    let span = reader.place("sample").unwrap_or(reader.span());
    let records = match serde_json::from_str(&text) {
        Ok(Json::Array(records)) => records,
        Ok(record) => vec![record],
        Err(error) => {
            reader
                .ctx
                .error("invalid-value", span, format!("sample: not valid JSON: {error}"))
                .help(r#"write `{"message":"hello"}` or `[{"n":1},{"n":2}]`"#);
            return Vec::new();
        }
    };
    if records.is_empty() || !records.iter().all(Json::is_object) {
        reader
            .ctx
            .error("invalid-value", span, "sample: a record is a JSON object")
            .help(r#"write `{"message":"hello"}` or `[{"n":1},{"n":2}]`"#);
    }
    records.iter().map(Json::to_string).collect()
}
