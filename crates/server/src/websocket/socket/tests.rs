use std::net::{TcpListener, TcpStream as StdStream};
use std::sync::Arc;

use fluentcast_config::settings::{Tls, TlsVersion};
use mio::{Events, Interest, Poll, Token};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use socket2::SockRef;

use super::*;
use crate::tls::tests::{client_config, server, server_config};

type Peer = StreamOwned<ClientConnection, StdStream>;

/// Small, so that a socket is soon full.
const SOCKET_BUFFER_BYTES: usize = 16 * 1024;

/// A client's socket, and the client behind its handshake.
fn pair(version: TlsVersion) -> (Socket, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = Tls { versions: (version, version), ..server() };
    let address = listener.local_addr().unwrap();
    let peer = std::thread::spawn(move || {
        let stream = StdStream::connect(address).unwrap();
        SockRef::from(&stream).set_recv_buffer_size(SOCKET_BUFFER_BYTES).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut peer =
            StreamOwned::new(ClientConnection::new(Arc::new(client_config()), name).unwrap(), stream);
        peer.conn.complete_io(&mut peer.sock).unwrap();
        peer
    });
    let (mut stream, _) = listener.accept().unwrap();
    SockRef::from(&stream).set_send_buffer_size(SOCKET_BUFFER_BYTES).unwrap();
    let mut tls = ServerConnection::new(server_config(&settings)).unwrap();
    while tls.is_handshaking() {
        tls.complete_io(&mut stream).unwrap();
    }
    stream.set_nonblocking(true).unwrap();
    (Socket::new(stream, Some(Box::new(tls))), peer.join().unwrap())
}

/// Bytes of which no two neighbours are alike.
fn text(len: usize) -> Vec<u8> {
    (0..len).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

/// Does it until there is no room, then again when epoll says that there is.
fn until_done(socket: &mut Socket, mut step: impl FnMut(&mut Socket) -> io::Result<bool>) {
    let (mut poll, mut events) = (Poll::new().unwrap(), Events::with_capacity(8));
    poll.registry().register(socket.tcp(), Token(0), Interest::READABLE | Interest::WRITABLE).unwrap();
    loop {
        match step(socket) {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => poll.poll(&mut events, None).unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
    poll.registry().deregister(socket.tcp()).unwrap();
}

#[test]
fn what_is_written_arrives_whole_and_in_order_and_the_end_is_told() {
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let (mut socket, mut peer) = pair(version);
        let sent = text(3_000_000);
        let reader = std::thread::spawn(move || {
            let mut received = Vec::new();
            // An error, if the end came without a word.
            peer.read_to_end(&mut received).map(|_| received)
        });
        let mut done = 0;
        until_done(&mut socket, |socket| {
            // As segments lie: some slices, of odd sizes.
            let slices: Vec<_> = sent[done..].chunks(70_001).take(5).map(IoSlice::new).collect();
            let Written { taken, full } = socket.write(&slices)?;
            done += taken;
            match (done == sent.len(), full) {
                (false, true) => Err(ErrorKind::WouldBlock.into()),
                (done, _) => Ok(done),
            }
        });
        until_done(&mut socket, |socket| socket.say_end().map(|()| true));
        socket.shutdown_write().unwrap();
        assert!(reader.join().unwrap().unwrap() == sent);
    }
}

#[test]
fn who_does_not_read_holds_no_more_than_a_bounded_buffer() {
    let (mut socket, _peer) = pair(TlsVersion::V1_3);
    let offered = text(1_000_000);
    let mut taken = 0;
    let full = loop {
        let written = socket.write(&[IoSlice::new(&offered)]).unwrap();
        assert!(written.taken <= TLS_BUFFER_BYTES_MAX);
        taken += written.taken;
        if written.full {
            break taken;
        }
    };
    // Whatever the system makes of the buffers' sizes, it is far below what a client may be behind.
    assert!(full < 2 * TLS_BUFFER_BYTES_MAX + 16 * SOCKET_BUFFER_BYTES, "{full}");
    for _ in 0..3 {
        let again = socket.write(&[IoSlice::new(&offered)]).map(|written| written.taken);
        assert_eq!(again.unwrap_err().kind(), ErrorKind::WouldBlock, "nothing is taken that cannot go on");
    }
    assert_eq!(socket.flush().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_is_read_is_what_was_said() {
    let (mut socket, mut peer) = pair(TlsVersion::V1_3);
    let said = text(100_000);
    let expected = said.clone();
    let speaker = std::thread::spawn(move || {
        peer.write_all(&said).unwrap();
        peer.conn.send_close_notify();
        peer.flush().unwrap();
        peer
    });
    let (mut heard, mut buffer) = (Vec::new(), [0; 1000]);
    until_done(&mut socket, |socket| {
        let read = socket.read(&mut buffer)?;
        heard.extend_from_slice(&buffer[..read]);
        Ok(read == 0)
    });
    assert!(heard == expected);
    drop(speaker.join().unwrap());
}

#[test]
fn what_cannot_be_decrypted_is_an_error_and_a_cut_an_end() {
    let mut buffer = [0; 100];
    let (mut socket, mut peer) = pair(TlsVersion::V1_3);
    peer.sock.write_all(b"\x17\x03\x03\x00\x05hello").unwrap();
    let mut failed = None;
    until_done(&mut socket, |socket| match socket.read(&mut buffer) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(error),
        other => {
            failed = Some(other.map_err(|error| error.kind()));
            Ok(true)
        }
    });
    assert_eq!(failed, Some(Err(ErrorKind::InvalidData)));

    let (mut socket, peer) = pair(TlsVersion::V1_3);
    peer.sock.shutdown(Shutdown::Both).unwrap();
    until_done(&mut socket, |socket| socket.read(&mut buffer).map(|read| read == 0));
}
