//! A tokio task for each client, woken by a `watch`: what one would write first.

use std::io::{self, ErrorKind};
use std::net;
use std::pin::pin;
use std::sync::Arc;

use anyhow::Result;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use crate::chain::{Chain, Cursor};
use crate::wire::{READ_BYTES, SWITCH, Unpacker, is_whole};

/// On so many threads; with 1 on the runtime that needs no synchronisation.
pub(crate) fn serve(websocket: net::TcpListener, publish: net::TcpListener, threads: usize) -> Result<()> {
    let runtime = match threads {
        1 => Builder::new_current_thread().enable_io().build()?,
        _ => Builder::new_multi_thread().worker_threads(threads).enable_io().build()?,
    };
    // Spawned, as what is blocked on is not a task of a worker thread.
    runtime.block_on(async { tokio::spawn(accept(websocket, publish)).await? })
}

async fn accept(websocket: net::TcpListener, publish: net::TcpListener) -> Result<()> {
    let (websocket, publish) = (TcpListener::from_std(websocket)?, TcpListener::from_std(publish)?);
    let chain = Chain::new();
    loop {
        let chain = Arc::clone(&chain);
        tokio::select! {
            client = websocket.accept() => tokio::spawn(client_of(client?.0, chain)),
            publisher = publish.accept() => tokio::spawn(publisher_of(publisher?.0, chain)),
        };
    }
}

async fn publisher_of(mut stream: TcpStream, chain: Arc<Chain>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut unpacker = Unpacker::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                let (frames, acks) = unpacker.unpack(&buffer[..read]);
                chain.append(frames);
                stream.write_all(&acks).await?;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

async fn client_of(mut stream: TcpStream, chain: Arc<Chain>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    while !is_whole(&request) {
        stream.readable().await?;
        match stream.try_read_buf(&mut request) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
    drop(request);
    let (mut news, mut cursor) = (chain.news(), chain.cursor());
    drop(chain);
    stream.write_all(SWITCH).await?;
    let mut gone = pin!(read_to_end(&stream));
    loop {
        send(&stream, &mut cursor).await?;
        tokio::select! {
            biased;
            changed = news.changed() => changed.map_err(io::Error::other)?,
            ended = &mut gone => return ended,
        }
    }
}

async fn read_to_end(stream: &TcpStream) -> io::Result<()> {
    loop {
        stream.readable().await?;
        match stream.try_read(&mut [0; 256]) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
}

/// Sends all that is new for it.
async fn send(stream: &TcpStream, cursor: &mut Cursor) -> io::Result<()> {
    loop {
        let slices = cursor.slices();
        let sent = match &slices[..] {
            [] => return Ok(()),
            [one] => stream.try_write(one),
            _ => stream.try_write_vectored(&slices),
        };
        match sent {
            Ok(sent) => cursor.advance(sent),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                drop(slices);
                stream.writable().await?;
            }
            Err(error) => return Err(error),
        }
    }
}
