//! A WebSocket client on an independent implementation of the protocol.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tungstenite::handshake::HandshakeError;
use tungstenite::handshake::client::Response;
use tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket, client};

use super::DEADLINE;

pub(crate) struct Client<S = TcpStream> {
    socket: WebSocket<S>,
}

/// What ends a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A close frame with this code.
    Close(u16),
    /// None: the connection was cut.
    Cut,
}

impl Client {
    /// Connects to a path with its query.
    pub(crate) fn connect(address: SocketAddr, path: &str) -> Self {
        Self::try_connect(address, path).unwrap_or_else(|response| panic!("{path}: {}", response.status()))
    }

    /// Likewise; the answer when the server declines.
    pub(crate) fn try_connect(address: SocketAddr, path: &str) -> Result<Self, Box<Response>> {
        let stream = TcpStream::connect(address).expect("the websocket port answers");
        stream.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        stream.set_nodelay(true).expect("nodelay");
        let url = format!("ws://{address}{path}");
        let config = WebSocketConfig::default().read_buffer_size(16 * 1024);
        match client::client_with_config(url, stream, Some(config)) {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(HandshakeError::Failure(Error::Http(response))) => Err(response),
            Err(error) => panic!("handshake with {address}{path}: {error}"),
        }
    }

    /// Cuts the connection as a crashed client would, with a reset.
    pub(crate) fn reset(self) {
        let stream = socket2::SockRef::from(self.socket.get_ref());
        stream.set_linger(Some(Duration::ZERO)).expect("linger");
    }

    /// The socket below. Valid only before the first message: what was read ahead would be lost.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.socket.into_inner()
    }
}

impl<S: Read + Write> Client<S> {
    /// Connects over a stream, to any path.
    pub(crate) fn over(stream: S, url: &str) -> Self {
        let (socket, _) = client(url, stream).unwrap_or_else(|error| panic!("{url}: {error}"));
        Self { socket }
    }

    /// The next data message, or how the connection ended.
    pub(crate) fn receive(&mut self) -> Result<Message, End> {
        let start = Instant::now();
        loop {
            // Pings would otherwise keep a silent connection alive for ever.
            assert!(start.elapsed() < DEADLINE, "no message came before the deadline");
            match self.socket.read() {
                Ok(message @ (Message::Text(_) | Message::Binary(_))) => return Ok(message),
                Ok(Message::Close(Some(CloseFrame { code, .. }))) => return Err(End::Close(code.into())),
                Ok(Message::Close(None)) => return Err(End::Close(1005)),
                Ok(_) => {}
                Err(Error::Io(error))
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) =>
                {
                    panic!("no message came before the deadline")
                }
                Err(_) => return Err(End::Cut),
            }
        }
    }

    /// The next message, which must be text.
    pub(crate) fn text(&mut self) -> String {
        match self.receive() {
            Ok(Message::Text(text)) => text.as_str().to_owned(),
            other => panic!("not a text message: {other:?}"),
        }
    }

    /// The bytes of the next message, whatever its kind.
    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        self.receive().unwrap_or_else(|end| panic!("the connection ended: {end:?}")).into_data().to_vec()
    }

    /// The messages up to the first that contains the text, without it.
    pub(crate) fn texts_until(&mut self, marker: &str) -> Vec<String> {
        let texts = std::iter::repeat_with(|| self.text());
        texts.take_while(|text| !text.contains(marker)).collect()
    }

    /// All messages to the end, and the end.
    pub(crate) fn read_to_end(&mut self) -> (Vec<String>, End) {
        let mut texts = Vec::new();
        loop {
            match self.receive() {
                Ok(message) => texts.push(message.to_text().expect("text").to_owned()),
                Err(end) => return (texts, end),
            }
        }
    }
}
