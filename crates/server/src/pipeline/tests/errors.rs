//! `@ERROR`: what fails goes there once, or is said and told to the source.

use super::*;

const ERROR_LABEL: &str = "<label @ERROR>\n<match **>\nout error\n</match>\n</label>\n";

/// A time that is none is rejected.
const REJECTING: &str = "
<filter **>
  @type record_transformer
  renew_time_key t
  <record>
    seen yes
  </record>
</filter>
<match **>
  out good
</match>
";

#[tokio::test]
async fn a_rejected_event_goes_there_as_it_was() {
    let rig = Rig::new(&[REJECTING, ERROR_LABEL].concat());
    rig.emit("t", &[r#"{"t":1}"#, r#"{"t":"x"}"#, r#"{"t":"y"}"#, r#"{"t":2}"#]).await.unwrap();
    assert_eq!(rig.metrics.events_error.get(), 2);
    assert_eq!(
        rig.lines().await,
        [
            r#"error: t {"t":"x"}"#,
            r#"error: t {"t":"y"}"#,
            r#"good: t {"t":1,"seen":"yes"}"#,
            r#"good: t {"t":2,"seen":"yes"}"#
        ]
    );
}

#[tokio::test]
async fn without_the_label_a_rejected_event_is_said_and_counted() {
    let log = Log::capture();
    let rig = Rig::new(REJECTING);
    rig.emit("t", &[r#"{"t":"x"}"#, r#"{"t":"y"}"#, r#"{"t":1}"#]).await.unwrap();
    assert_eq!(rig.metrics.events_error.get(), 2);
    assert_eq!(rig.lines().await, [r#"good: t {"t":1,"seen":"yes"}"#]);
    // One line for both: a sender can cause them at will.
    assert_eq!(log.count("WARN a filter rejected an event"), 1, "{:?}", log.lines());
    assert!(log.lines().iter().any(|line| line.contains("tag=t") && line.contains(r#"{\"t\":\"x\"}"#)));
}

#[tokio::test]
async fn without_the_label_a_failing_output_is_told_to_the_source() {
    let log = Log::capture();
    let rig = Rig::new("<match **>\nfull a\n</match>\n");
    let error = rig.emit("t", &[&big()]).await.unwrap_err();
    assert!(error.0.starts_with("file at t.conf:1:") && error.0.contains("total_limit_size"), "{error}");
    assert_eq!(rig.metrics.batches_failed.get(), 1);
    assert_eq!(log.count("WARN emit transaction failed error=file at t.conf:1:"), 1, "{:?}", log.lines());
    rig.emit("t", &["{}"]).await.unwrap();
    assert_eq!(rig.lines().await, ["a: t {}"]);
}

#[tokio::test]
async fn what_the_filters_made_of_a_batch_goes_there_when_the_output_fails() {
    let log = Log::capture();
    let filter = "<filter **>\n@type record_transformer\n<record>\nf yes\n</record>\n</filter>\n";
    let rig = Rig::new(&[filter, "<match **>\n@id it\nfull a\n</match>\n", ERROR_LABEL].concat());
    rig.emit("t", &[&big(), "{}"]).await.unwrap();
    assert_eq!(rig.metrics.batches_failed.get(), 1);
    assert_eq!(rig.lines().await, [r#"error: t {"pad":"...","f":"yes"}"#, r#"error: t {"f":"yes"}"#]);
    assert_eq!(
        log.count("WARN send an error event stream to @ERROR error=file [it]:"),
        1,
        "{:?}",
        log.lines()
    );
}

#[tokio::test]
async fn a_failure_in_a_label_goes_there_once() {
    let root = "<match **>\n@type relabel\n@label @L\n</match>\n";
    let label = "<label @L>\n<match **>\nfull a\n</match>\n</label>\n";
    let rig = Rig::new(&[root, label, ERROR_LABEL].concat());
    rig.emit("t", &[&big()]).await.unwrap();
    assert_eq!(rig.lines().await, [r#"error: t {"pad":"..."}"#]);
}

#[tokio::test]
async fn a_failing_store_sends_the_batch_there_and_the_others_have_it_too() {
    let stores = "<store>\nout a\n</store>\n<store>\nfull b\n</store>\n<store>\nfull c\n</store>\n";
    let rig = Rig::new(&format!("<match **>\n@type copy\n{stores}</match>\n{ERROR_LABEL}"));
    rig.emit("t", &[&big()]).await.unwrap();
    assert_eq!(rig.lines().await, [r#"a: t {"pad":"..."}"#, r#"error: t {"pad":"..."}"#]);
}

/// An error label that counts in one output and fails in the other.
const FAILING_LABEL: &str = "
<label @ERROR>
  <match **>
    @type copy
    <store>
      out error
    </store>
    <store>
      full error2
    </store>
  </match>
</label>
";

#[tokio::test]
async fn what_fails_in_it_is_told_to_the_source() {
    let rig = Rig::new(&["<match **>\nfull a\n</match>\n", FAILING_LABEL].concat());
    let error = rig.emit("t", &[&big()]).await.unwrap_err();
    assert!(error.0.contains("/error2 "), "{error}");
    assert_eq!(rig.metrics.batches_failed.get(), 2);
    assert_eq!(rig.lines().await, [r#"error: t {"pad":"..."}"#]);
}

#[tokio::test]
async fn a_source_that_leads_there_is_told_too() {
    let source = "<source>\n@type sample\ntag t\n@label @ERROR\n</source>\n";
    let rig = Rig::new(&[source, FAILING_LABEL].concat());
    assert!(rig.emit_from(0, "t", &[&big()]).await.is_err());
    assert_eq!(rig.lines().await, [r#"error: t {"pad":"..."}"#], "it is not sent there again");
}

#[tokio::test]
async fn rejected_events_that_it_does_not_take_are_not_acked() {
    let rig = Rig::new(&[REJECTING, FAILING_LABEL].concat());
    let rejected = format!(r#"{{"t":"x","pad":"{}"}}"#, "x".repeat(PAD_BYTES));
    assert!(rig.emit("t", &[r#"{"t":1}"#, &rejected]).await.is_err());
    // The source sends the batch again; nothing of it has gone on.
    assert_eq!(rig.lines().await, [r#"error: t {"t":"x","pad":"..."}"#]);
}

#[tokio::test]
async fn an_event_rejected_in_it_is_counted_and_gone() {
    let label = "
<label @ERROR>
  <filter **>
    @type record_transformer
    renew_time_key t
  </filter>
  <match **>
    out error
  </match>
</label>
";
    let rig = Rig::new(&[REJECTING, label].concat());
    rig.emit("t", &[r#"{"t":"x"}"#]).await.unwrap();
    assert_eq!(rig.metrics.events_error.get(), 2);
    assert_eq!(rig.lines().await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_matches_in_it_is_a_success_too() {
    let rig = Rig::new(&[REJECTING, "<label @ERROR>\n<match other>\nout e\n</match>\n</label>\n"].concat());
    rig.emit("t", &[r#"{"t":"x"}"#]).await.unwrap();
    assert_eq!(rig.metrics.batches_unmatched.get(), 1);
}

#[tokio::test]
async fn it_may_mend_events_and_send_them_back() {
    let label = "
<label @MAIN>
  <filter **>
    @type record_transformer
    renew_time_key t
  </filter>
  <match **>
    out good
  </match>
</label>
<match **>
  @type relabel
  @label @MAIN
</match>
<label @ERROR>
  <filter **>
    @type record_transformer
    remove_keys t
  </filter>
  <match **>
    @type relabel
    @label @MAIN
  </match>
</label>
";
    let rig = Rig::new(label);
    rig.emit("t", &[r#"{"t":"x","a":1}"#]).await.unwrap();
    assert_eq!(rig.lines().await, [r#"good: t {"a":1}"#]);
}
