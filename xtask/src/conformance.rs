//! Autobahn's WebSocket cases against the echo example, which stands on the layer that serves clients.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, program, root, run as finish};
use crate::tools;

pub(crate) fn run() -> Result<()> {
    finish(cargo().args(["build", "-p", "fluentcast-server", "--example", "echo"]))?;
    let mut server = cargo()
        .args(["run", "--quiet", "-p", "fluentcast-server", "--example", "echo", "--", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the echo example")?;
    let outcome = judge(&mut server);
    let alive = server.try_wait()?.is_none();
    server.kill().ok();
    server.wait()?;
    outcome?;
    if !alive {
        bail!("the echo example ended before the last case");
    }
    Ok(())
}

fn judge(server: &mut Child) -> Result<()> {
    // Held to the end: a closed pipe would be the example's first write error.
    let mut output = BufReader::new(server.stdout.take().context("the echo example has no output")?);
    let mut line = String::new();
    output.read_line(&mut line)?;
    let address = line
        .trim()
        .strip_prefix("listening ")
        .with_context(|| format!("the echo example said `{}`, not `listening ADDRESS`", line.trim()))?;
    finish(
        program(root().join(tools::PYTHON))
            .arg("tests/conformance/play_autobahn.py")
            .arg(format!("ws://{address}"))
            .args(["--report", ".tools/autobahn.json"]),
    )
}
