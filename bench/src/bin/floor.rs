//! The floor as a process: `floor [REPLAY_BYTES]`. Prints where it listens, then serves until it is killed.

use anyhow::{Context, Result};
use fluentcast_bench::floor::{listen, serve};

#[expect(clippy::print_stdout, reason = "the driver reads the addresses from here")]
fn main() -> Result<()> {
    let replay_bytes = std::env::args().nth(1).map_or(Ok(0), |bytes| bytes.parse());
    let replay_bytes = replay_bytes.context("the argument is a number of bytes to replay")?;
    let (websocket, publish) = (listen()?, listen()?);
    println!("websocket {} publish {}", websocket.local_addr()?, publish.local_addr()?);
    serve(&websocket, &publish, replay_bytes)
}
