//! Completions and manual pages: what a shell and `man` make of them.

use std::process::Command;

use crate::support::process::run;
use crate::support::server::fluentcast;

#[test]
fn completions_know_commands_and_flags() {
    let script = |shell: &str| {
        let (code, output, errors) = run(fluentcast().args(["completions", shell]));
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{shell}");
        for word in ["tail", "send", "check", "max-rate", "msgpack"] {
            assert!(output.contains(word), "no {word} for {shell}");
        }
        output
    };
    for shell in ["zsh", "fish"] {
        script(shell);
    }
    // What bash offers behind `fluentcast tail --max`.
    let asks = r#"eval "$0"; COMP_WORDS=(fluentcast tail --max); COMP_CWORD=2; _fluentcast fluentcast --max tail; echo "${COMPREPLY[@]}""#;
    let (code, output, errors) = run(Command::new("bash").args(["-c", asks, &script("bash")]));
    assert_eq!((code, output.as_str(), errors.as_str()), (Some(0), "--max-rate\n", ""));
    let (code, _, errors) = run(fluentcast().args(["completions", "tcsh"]));
    assert!(code == Some(1) && errors.contains("fish"), "{errors}");
}

#[test]
fn there_is_a_page_for_every_command() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pages = folder.path().join("man1");
    let (code, _, errors) = run(fluentcast().arg("man").arg(&pages));
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    for (name, part) in [
        ("fluentcast", "tail"),
        ("fluentcast-tail", "--max"),
        ("fluentcast-send", "--ack"),
        ("fluentcast-check", "config"),
        ("fluentcast-reference", "markdown"),
        ("fluentcast-completions", "shell"),
    ] {
        let page = std::fs::read_to_string(pages.join(format!("{name}.1"))).expect(name);
        assert!(page.contains(&format!(".TH {name} 1")), "{name}");
        assert!(page.replace('\\', "").contains(part), "{name} has no {part}");
    }
    let (code, output, _) = run(fluentcast().arg("man"));
    assert!(code == Some(0) && output.contains(".TH fluentcast 1"), "{output}");
    let (code, _, errors) = run(fluentcast().args(["man", "/dev/null/man"]));
    assert!(code == Some(1) && errors.contains("/dev/null/man"), "{errors}");
}
