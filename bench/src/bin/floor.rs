//! The floor as a process: `floor [REPLAY_BYTES]`. Prints where it listens, then serves until it is killed.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};

#[expect(clippy::print_stdout, reason = "the driver reads the addresses from here")]
fn main() -> Result<()> {
    let replay_bytes = std::env::args().nth(1).map_or(Ok(0), |bytes| bytes.parse());
    let replay_bytes = replay_bytes.context("the argument is a number of bytes to replay")?;
    let (websocket, publish) = (listen()?, listen()?);
    println!("websocket {} publish {}", websocket.local_addr()?, publish.local_addr()?);
    fluentcast_bench::floor::serve(&websocket, &publish, replay_bytes)
}

/// Connections the kernel may hold waiting to be accepted; the standard library's 128 would make a
/// storm of clients wait for seconds.
const BACKLOG: i32 = 4096;

fn listen() -> Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
