//! What a live Fluentd did with these events.

use super::*;

const CONFIG: &str = "
<source>
  @type sample
  tag a
</source>
<source>
  @type sample
  tag b
  @label @L
</source>
<source>
  @type sample
  tag c
  @label @ROOT
</source>
<filter late.**>
  @type record_transformer
  <record>
    f1 yes
  </record>
</filter>
<match late.**>
  out late
</match>
<filter late.**>
  @type record_transformer
  <record>
    f2 yes
  </record>
</filter>
<match re.**>
  @type relabel
  @label @L
</match>
<match cp.**>
  @type copy
  <store>
    @type relabel
    @label @C1
  </store>
  <store>
    out cp
  </store>
</match>
<match err.**>
  @type copy
  <store ignore_error>
    full failing
  </store>
  <store>
    out err
  </store>
</match>
<match err2.**>
  full failing2
</match>
<label @L>
  <match l.**>
    out l
  </match>
  <match re.**>
    out re
  </match>
</label>
<label @C1>
  <filter **>
    @type record_transformer
    <record>
      c1 added
    </record>
  </filter>
  <match **>
    out c1
  </match>
</label>
<label @ERROR>
  <match **>
    out error
  </match>
</label>
";

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

/// Sends the batches; none may fail. Returns what was written and how many batches no rule took.
async fn sent(batches: &[(usize, &str, &str)]) -> (Vec<String>, u64) {
    let rig = Rig::new(CONFIG);
    for (source, tag, record) in batches {
        rig.emit_from(*source, tag, &[record]).await.unwrap();
    }
    let unmatched = rig.metrics.batches_unmatched.get();
    (rig.lines().await, unmatched)
}

#[tokio::test]
async fn a_filter_before_the_match_runs_and_one_after_it_never() {
    let (lines, _) = sent(&[(A, "late.a", r#"{"a":1}"#)]).await;
    assert_eq!(lines, [r#"late: late.a {"a":1,"f1":"yes"}"#]);
}

#[tokio::test]
async fn relabel_hands_on_to_the_rules_of_the_label() {
    let (lines, _) = sent(&[(A, "re.a", "{}")]).await;
    assert_eq!(lines, ["re: re.a {}"]);
}

#[tokio::test]
async fn what_a_label_adds_stays_in_the_label() {
    let (lines, _) = sent(&[(A, "cp.a", r#"{"a":1}"#)]).await;
    assert_eq!(lines, [r#"c1: cp.a {"a":1,"c1":"added"}"#, r#"cp: cp.a {"a":1}"#]);
}

#[tokio::test]
async fn an_ignored_error_of_a_store_does_not_cost_the_next() {
    let (lines, _) = sent(&[(A, "err.a", &big())]).await;
    assert_eq!(lines, [r#"err: err.a {"pad":"..."}"#]);
}

#[tokio::test]
async fn a_failing_output_sends_to_the_error_label_and_the_source_sees_success() {
    let (lines, _) = sent(&[(A, "err2.a", &big())]).await;
    assert_eq!(lines, [r#"error: err2.a {"pad":"..."}"#]);
}

#[tokio::test]
async fn a_source_with_a_label_meets_the_rules_of_the_label() {
    let (lines, _) = sent(&[(B, "l.a", "{}")]).await;
    assert_eq!(lines, ["l: l.a {}"]);
}

#[tokio::test]
async fn a_label_does_not_fall_through_to_the_root() {
    assert_eq!(sent(&[(B, "late.a", "{}")]).await, (vec![], 1));
}

#[tokio::test]
async fn the_root_has_a_label_too() {
    let (lines, _) = sent(&[(C, "late.a", r#"{"a":1}"#)]).await;
    assert_eq!(lines, [r#"late: late.a {"a":1,"f1":"yes"}"#]);
}

#[tokio::test]
async fn what_nothing_matches_is_a_success_and_counted() {
    let log = Log::capture();
    assert_eq!(sent(&[(A, "nomatch", "{}"); 3]).await, (vec![], 3));
    let lines = log.lines();
    let warnings: Vec<_> = lines.iter().filter(|line| line.contains("no patterns matched")).collect();
    assert_eq!(warnings.len(), 2, "the 1st and the 2nd: {lines:?}");
    assert!(warnings.iter().all(|line| line.contains("WARN") && line.contains("tag=nomatch")), "{lines:?}");
}
