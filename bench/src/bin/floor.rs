//! The floor as a process: `floor [REPLAY_BYTES]`. Prints where it listens, then serves until it is killed.

use std::net::TcpListener;

use anyhow::{Context, Result};

#[expect(clippy::print_stdout, reason = "the driver reads the addresses from here")]
fn main() -> Result<()> {
    let replay_bytes = std::env::args().nth(1).map_or(Ok(0), |bytes| bytes.parse());
    let replay_bytes = replay_bytes.context("the argument is a number of bytes to replay")?;
    let websocket = TcpListener::bind("127.0.0.1:0")?;
    let publish = TcpListener::bind("127.0.0.1:0")?;
    println!("websocket {} publish {}", websocket.local_addr()?, publish.local_addr()?);
    fluentcast_bench::floor::serve(&websocket, &publish, replay_bytes)
}
