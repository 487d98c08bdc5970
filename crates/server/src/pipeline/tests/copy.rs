//! `copy`: one store's failure never costs another.

use super::*;

/// A copy with these stores, each its argument and its content.
fn copy(stores: &[(&str, &str)]) -> String {
    let stores: String =
        stores.iter().map(|(argument, body)| format!("<store {argument}>\n{body}\n</store>\n")).collect();
    format!("<match **>\n@type copy\n{stores}</match>\n")
}

/// What becomes of one batch that no `full` output takes.
async fn copied(stores: &[(&str, &str)]) -> (Result<(), EmitError>, Vec<String>) {
    let rig = Rig::new(&copy(stores));
    let result = rig.emit("t", &[&big()]).await;
    let names = |line: String| line.split(':').next().unwrap().to_owned();
    (result, rig.lines().await.into_iter().map(names).collect())
}

#[tokio::test]
async fn every_store_gets_everything_in_order() {
    let common = "<label @OUT>\n<match **>\nout all\n</match>\n</label>\n";
    let through = |label: &str| {
        format!(
            "<label @{label}>\n<filter **>\n@type record_transformer\n<record>\nby {label}\n</record>\n</filter>\n\
             <match **>\n@type relabel\n@label @OUT\n</match>\n</label>\n"
        )
    };
    let stores = copy(&[
        ("", "@type relabel\n@label @A"),
        ("", "@type relabel\n@label @B"),
        ("", "@type relabel\n@label @OUT"),
    ]);
    let rig = Rig::new(&[stores, common.to_owned(), through("A"), through("B")].concat());
    rig.emit("t", &["{}"]).await.unwrap();
    assert_eq!(rig.lines().await, [r#"all: t {"by":"A"}"#, r#"all: t {"by":"B"}"#, "all: t {}"]);
}

#[tokio::test]
async fn a_failing_store_does_not_keep_the_batch_from_the_others() {
    let (result, written) = copied(&[("", "out a"), ("", "full b"), ("", "out c")]).await;
    assert!(result.unwrap_err().0.contains("file at t.conf:"));
    assert_eq!(written, ["a", "c"]);
}

#[tokio::test]
async fn an_ignored_failure_is_a_success_that_is_counted_and_said() {
    let log = Log::capture();
    let rig = Rig::new(&copy(&[("ignore_error", "full a"), ("", "out b")]));
    rig.emit("t", &[&big()]).await.unwrap();
    assert_eq!(rig.metrics.batches_failed.get(), 1);
    assert_eq!(rig.lines().await, [r#"b: t {"pad":"..."}"#]);
    assert_eq!(log.count("ERROR ignore emit error error=file at t.conf:"), 1, "{:?}", log.lines());
}

#[tokio::test]
async fn every_failure_is_counted_and_in_the_message() {
    let rig = Rig::new(&copy(&[("", "full first"), ("ignore_error", "full second"), ("", "full third")]));
    let error = rig.emit("t", &[&big()]).await.unwrap_err().0;
    assert!(error.contains("/first ") && !error.contains("/second ") && error.contains("/third "), "{error}");
    assert_eq!(rig.metrics.batches_failed.get(), 3);
}

#[tokio::test]
async fn a_fallback_runs_only_after_a_failure() {
    let stores = |first| [("ignore_error", first), ("ignore_if_prev_success", "out fallback")];
    assert!(matches!(copied(&stores("out a")).await, (Ok(()), written) if written == ["a"]));
    assert!(matches!(copied(&stores("full a")).await, (Ok(()), written) if written == ["fallback"]));
    // Without ignore_error the failure is told all the same.
    let (result, written) = copied(&[("", "full a"), ("ignore_if_prev_success", "out fallback")]).await;
    assert!(result.is_err());
    assert_eq!(written, ["fallback"]);
}

#[tokio::test]
async fn who_was_skipped_has_not_succeeded() {
    let (_, written) = copied(&[
        ("", "out a"),
        ("ignore_if_prev_success", "out b"),
        ("ignore_if_prev_success", "out c"),
        ("ignore_if_prev_success", "out d"),
    ])
    .await;
    assert_eq!(written, ["a", "c"]);
}

#[tokio::test]
async fn a_copy_in_a_copy_fails_as_a_whole() {
    let inner = "@type copy\n<store>\nfull a\n</store>\n<store>\nout b\n</store>";
    let (result, written) = copied(&[("ignore_error", inner), ("ignore_if_prev_success", "out c")]).await;
    assert!(result.is_ok());
    assert_eq!(written, ["b", "c"]);
}
