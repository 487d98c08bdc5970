//! The order of a scope's rules.

use super::*;

#[tokio::test]
async fn the_first_match_takes_all() {
    let rig = Rig::new(
        "
<match a.*>
  out first
</match>
<match a.b c>
  out second
</match>
<match **>
  out rest
</match>
",
    );
    for tag in ["a.b", "a.b.c", "c", ""] {
        rig.emit(tag, &["{}"]).await.unwrap();
    }
    assert_eq!(rig.lines().await, ["first: a.b {}", "rest: a.b.c {}", "rest:  {}", "second: c {}"]);
}

#[tokio::test]
async fn filters_run_in_the_order_of_the_file() {
    let rig = Rig::new(
        r#"
<filter **>
  @type record_transformer
  <record>
    trace "${record['trace']}1"
  </record>
</filter>
<filter other>
  @type record_transformer
  <record>
    trace "never"
  </record>
</filter>
<filter a a.**>
  @type record_transformer
  <record>
    trace "${record['trace']}2"
  </record>
</filter>
<match **>
  out all
</match>
"#,
    );
    rig.emit("a", &[r#"{"trace":"0"}"#, r#"{"trace":"9"}"#]).await.unwrap();
    rig.emit("b", &[r#"{"trace":"0"}"#]).await.unwrap();
    assert_eq!(
        rig.lines().await,
        [r#"all: a {"trace":"012"}"#, r#"all: a {"trace":"912"}"#, r#"all: b {"trace":"01"}"#]
    );
}

#[tokio::test]
async fn an_output_never_sees_a_batch_that_the_filters_emptied() {
    let rig = Rig::new(
        "
<filter **>
  @type grep
  <regexp>
    key level
    pattern /^error$/
  </regexp>
</filter>
<match **>
  @type copy
  <store>
    out all
  </store>
  <store>
    @type relabel
    @label @NOWHERE
  </store>
</match>
<label @NOWHERE>
</label>
",
    );
    rig.emit("t", &[r#"{"level":"info"}"#, r#"{"level":"debug"}"#]).await.unwrap();
    assert_eq!(rig.metrics.batches_unmatched.get(), 0);
    rig.emit("t", &[r#"{"level":"info"}"#, r#"{"level":"error"}"#]).await.unwrap();
    assert_eq!(rig.metrics.batches_unmatched.get(), 1);
    assert_eq!(rig.lines().await, [r#"all: t {"level":"error"}"#]);
}

#[tokio::test]
async fn the_content_of_a_worker_section_comes_last() {
    let rig = Rig::new(
        "
<worker 0>
  <match **>
    out worker
  </match>
</worker>
<match a>
  out root
</match>
",
    );
    rig.emit("a", &["{}"]).await.unwrap();
    rig.emit("b", &["{}"]).await.unwrap();
    assert_eq!(rig.lines().await, ["root: a {}", "worker: b {}"]);
}

#[tokio::test]
async fn filters_run_even_if_nothing_matches() {
    let rig = Rig::new(
        "
<filter **>
  @type record_transformer
  renew_time_key t
</filter>
<label @ERROR>
  <match **>
    out error
  </match>
</label>
",
    );
    rig.emit("t", &[r#"{"t":"no time"}"#, r#"{"t":1}"#]).await.unwrap();
    assert_eq!(rig.metrics.batches_unmatched.get(), 1);
    assert_eq!(rig.lines().await, [r#"error: t {"t":"no time"}"#]);
}

#[test]
fn what_nothing_matches_is_logged_at_fluentds_rhythm() {
    let logged: Vec<u64> = (1..=1600).filter(|count| is_unmatched_logged(*count)).collect();
    assert_eq!(logged, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1536]);
}
