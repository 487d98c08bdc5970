//! A WebSocket server that answers every message with itself, on the same handshake, frame reader,
//! session, frame writer and compressor that serve the clients of Fluentcast: for conformance suites.
//!
//! `cargo run -p fluentcast-server --example echo -- PORT` prints `listening 127.0.0.1:PORT`.

use std::convert::Infallible;
use std::error::Error;
use std::io::IoSlice;

use fluentcast_broadcast::deflate::{Deflater, Window};
use fluentcast_broadcast::encode::{Format, Protocol, Shape};
use fluentcast_broadcast::frame::{self, Opcode};
use fluentcast_broadcast::session::Session;
use fluentcast_server::websocket::handshake;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The suite's largest message has 16 MiB.
const MESSAGE_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// There is no stream, so only the protocol matters.
const SHAPE: Shape = Shape {
    protocol: Protocol::Classic,
    format: Format::Json,
    add_tag: false,
    add_time: false,
    fields: None,
    compress: None,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args().nth(1).as_deref().unwrap_or("0").parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    #[expect(clippy::print_stdout, reason = "whoever started it waits for this line")]
    {
        println!("listening {}", listener.local_addr()?);
    }
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(async |request| answer(request)))
                .with_upgrades(),
        );
    }
}

fn answer(mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match handshake::accept(request.method(), request.version(), request.headers(), true) {
        Ok(accepted) => {
            let upgraded = hyper::upgrade::on(&mut request);
            let compress = accepted.compress;
            tokio::spawn(async move {
                if let Ok(upgraded) = upgraded.await {
                    // A connection that breaks is the suite's doing; the suite judges it.
                    let _ = echo(TokioIo::new(upgraded), compress).await;
                }
            });
            accepted.response.map(|()| Full::default())
        }
        Err(refusal) => {
            let mut response = Response::new(Full::from(refusal.reason));
            *response.status_mut() = refusal.status;
            response
        }
    })
}

async fn echo(mut socket: TokioIo<Upgraded>, compress: Option<Window>) -> std::io::Result<()> {
    let mut session = Session::new(SHAPE, MESSAGE_BYTES_MAX).inflating(compress.is_some());
    let mut deflater = compress.map(Deflater::new);
    let mut buffer = vec![0; 64 * 1024];
    let mut message = Vec::new();
    loop {
        let read = socket.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        session.received(&mut buffer[..read], |text, part, last, replies| {
            message.extend_from_slice(part);
            if last {
                let opcode = if text { Opcode::Text } else { Opcode::Binary };
                match &mut deflater {
                    Some(deflater) => deflater.compress_frame(replies, opcode, &message),
                    None => frame::write(replies, opcode, &message),
                }
                message.clear();
            }
        });
        loop {
            let mut slices = [IoSlice::new(&[]); 8];
            let used = session.gather(&mut slices, usize::MAX);
            if used == 0 {
                break;
            }
            let written = socket.write_vectored(&slices[..used]).await?;
            session.written(written);
        }
        socket.flush().await?;
        if session.is_finished() {
            return socket.shutdown().await;
        }
    }
}
