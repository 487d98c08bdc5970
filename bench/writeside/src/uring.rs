//! A compio task for each client on one io_uring: the same tasks as tokio's, but their writes gather in
//! the ring and go to the kernel together.

use std::io::{self, ErrorKind};
use std::net;
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Result, ensure};
use compio::BufResult;
use compio::driver::{DriverType, ProactorBuilder};
use compio::io::{AsyncRead as _, AsyncWrite as _, AsyncWriteExt as _};
use compio::net::{TcpListener, TcpStream};
use compio::runtime::{RuntimeBuilder, spawn};

use crate::chain::{Chain, Cursor};
use crate::wire::{READ_BYTES, SWITCH, Unpacker, is_whole};

/// Entries of the ring: a write of each of thousands of clients.
const RING_ENTRIES: u32 = 8192;

pub(crate) fn serve(websocket: net::TcpListener, publish: net::TcpListener) -> Result<()> {
    let mut proactor = ProactorBuilder::new();
    proactor.capacity(RING_ENTRIES).coop_taskrun(true).taskrun_flag(true);
    let runtime = RuntimeBuilder::new().with_proactor(proactor).build()?;
    ensure!(runtime.driver_type() == DriverType::IoUring, "there is no io_uring here");
    runtime.block_on(async {
        let (websocket, publish) = (TcpListener::from_std(websocket)?, TcpListener::from_std(publish)?);
        let chain = Chain::new();
        let publishers = Arc::clone(&chain);
        spawn(async move {
            loop {
                let (stream, _) = publish.accept().await?;
                spawn(publisher_of(stream, Arc::clone(&publishers))).detach();
            }
            #[expect(unreachable_code, reason = "says what the task returns")]
            io::Result::Ok(())
        })
        .detach();
        loop {
            let (stream, _) = websocket.accept().await?;
            spawn(client_of(stream, Arc::clone(&chain))).detach();
        }
    })
}

async fn publisher_of(stream: TcpStream, chain: Arc<Chain>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = &stream;
    let mut unpacker = Unpacker::default();
    let mut buffer = Vec::with_capacity(READ_BYTES);
    loop {
        let BufResult(read, filled) = stream.read(buffer).await;
        if read? == 0 {
            return Ok(());
        }
        let (frames, acks) = unpacker.unpack(&filled);
        buffer = filled;
        buffer.clear();
        chain.append(frames);
        if !acks.is_empty() {
            stream.write_all(acks).await.0?;
        }
    }
}

async fn client_of(stream: TcpStream, chain: Arc<Chain>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    while !is_whole(&request) {
        let BufResult(read, more) = (&stream).read(Vec::with_capacity(1024)).await;
        if read? == 0 {
            return Ok(());
        }
        request.extend_from_slice(&more);
    }
    drop(request);
    let (mut news, mut cursor) = (chain.news(), chain.cursor());
    drop(chain);
    (&stream).write_all(SWITCH).await.0?;
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

async fn read_to_end(mut stream: &TcpStream) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(256);
    loop {
        let BufResult(read, filled) = stream.read(buffer).await;
        if read? == 0 {
            return Ok(());
        }
        buffer = filled;
        buffer.clear();
    }
}

/// Sends all that is new for it. A full socket is the kernel's to wait for.
async fn send(mut stream: &TcpStream, cursor: &mut Cursor) -> io::Result<()> {
    loop {
        let mut blocks = cursor.blocks();
        let sent = match blocks.len() {
            0 => return Ok(()),
            1 => stream.write(blocks.remove(0)).await.0?,
            _ => stream.write_vectored(blocks).await.0?,
        };
        if sent == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        cursor.advance(sent);
    }
}
