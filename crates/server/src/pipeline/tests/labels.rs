//! Labels: each is a world of its own, and no way through them is endless.

use super::*;

#[tokio::test]
async fn only_what_is_handed_on_leaves_a_label() {
    let rig = Rig::new(
        "
<source>
  @type sample
  tag x
  @label @IN
</source>
<match **>
  out root
</match>
<label @IN>
  <match audit.**>
    @type relabel
    @label @KEEP
  </match>
  <match **>
    @type null
  </match>
</label>
<label @KEEP>
  <match **>
    out kept
  </match>
</label>
",
    );
    rig.emit_from(0, "audit.x", &[r#"{"a":1}"#]).await.unwrap();
    rig.emit_from(0, "app.x", &[r#"{"a":2}"#]).await.unwrap();
    assert_eq!(rig.metrics.batches_unmatched.get(), 0);
    assert_eq!(rig.lines().await, [r#"kept: audit.x {"a":1}"#]);
}

#[tokio::test]
async fn a_label_can_hand_back_to_the_root() {
    let rig = Rig::new(
        "
<source>
  @type sample
  tag x
  @label @IN
</source>
<match **>
  out root
</match>
<label @IN>
  <match **>
    @type relabel
    @label @ROOT
  </match>
</label>
",
    );
    rig.emit_from(0, "t", &["{}"]).await.unwrap();
    assert_eq!(rig.lines().await, ["root: t {}"]);
}

/// Circles that the checks cannot be certain of: the filters might drop events.
const CIRCLE: &str = "
<match **>
  @type relabel
  @label @A
</match>
<label @A>
  <filter **>
    @type grep
    <exclude>
      key drop
      pattern /./
    </exclude>
  </filter>
  <match **>
    @type copy
    <store>
      out a
    </store>
    <store>
      @type relabel
      @label @B
    </store>
    <store>
      @type relabel
      @label @B
    </store>
  </match>
</label>
<label @B>
  <filter **>
    @type grep
    <exclude>
      key drop
      pattern /./
    </exclude>
  </filter>
  <match **>
    @type relabel
    @label @A
  </match>
</label>
";

#[tokio::test]
async fn a_circle_ends_with_an_error_that_names_it() {
    let rig = Rig::new(CIRCLE);
    let error = rig.emit("t", &["{}"]).await.unwrap_err();
    assert!(error.0.contains("in a circle: ROOT > @A > @B > @A"), "{error}");
    assert_eq!(rig.metrics.batches_failed.get(), 2, "one for each of the two ways");
    assert_eq!(rig.lines().await, ["a: t {}"], "and nothing has gone round");
}

#[tokio::test]
async fn a_circle_leads_to_the_error_label() {
    let rig = Rig::new(&format!("{CIRCLE}<label @ERROR>\n<match **>\nout error\n</match>\n</label>\n"));
    rig.emit("t", &["{}"]).await.unwrap();
    assert_eq!(rig.lines().await, ["a: t {}", "error: t {}", "error: t {}"]);
}

/// The root, and so many labels that each hand on to the next.
fn chain(labels: usize) -> String {
    let step = |n: usize| match n {
        0 => "<match **>\n@type relabel\n@label @L1\n</match>\n".to_owned(),
        n if n == labels => format!("<label @L{n}>\n<match **>\nout end\n</match>\n</label>\n"),
        n => format!("<label @L{n}>\n<match **>\n@type relabel\n@label @L{}\n</match>\n</label>\n", n + 1),
    };
    (0..=labels).map(step).collect()
}

#[tokio::test]
async fn a_chain_of_labels_is_bounded() {
    let rig = Rig::new(&chain(RELABEL_HOPS_MAX));
    rig.emit("t", &["{}"]).await.unwrap();
    assert_eq!(rig.lines().await, ["end: t {}"]);
    let rig = Rig::new(&chain(RELABEL_HOPS_MAX + 1));
    let error = rig.emit("t", &["{}"]).await.unwrap_err();
    assert!(error.0.contains(&format!("more than {RELABEL_HOPS_MAX} labels")), "{error}");
    assert_eq!(rig.lines().await, Vec::<String>::new());
}
