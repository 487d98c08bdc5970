//! A client of the classic stream.

use socket2::SockRef;

use super::*;

pub(super) struct Client {
    pub(super) socket: WebSocket<TcpStream>,
}

/// What ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Close(u16),
    /// The end of an HTTP answer.
    Complete,
    /// The end of the stream without one of these.
    Cut,
    Reset,
}

impl Client {
    /// The number of the next event.
    pub(super) fn receive(&mut self) -> Result<u64, End> {
        let message = message(&mut self.socket)?;
        let json: serde_json::Value = serde_json::from_str(message.to_text().expect("text")).expect("JSON");
        Ok(json[0]["n"].as_u64().expect("a number"))
    }

    /// Reads exactly these events.
    #[track_caller]
    pub(super) fn expect(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            assert_eq!(self.receive(), Ok(number));
        }
    }

    /// All numbers to the end, and the end.
    pub(super) fn read_to_end(&mut self) -> (Vec<u64>, End) {
        let mut numbers = Vec::new();
        loop {
            match self.receive() {
                Ok(number) => numbers.push(number),
                Err(end) => return (numbers, end),
            }
        }
    }

    pub(super) fn send_raw(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).expect("sent");
    }

    /// Everything to the end of the stream. Valid only before any other reading.
    pub(super) fn raw_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.socket.get_mut().read_to_end(&mut bytes).expect("an orderly end");
        bytes
    }

    /// Ends the connection as a crash would.
    pub(super) fn reset(self) {
        SockRef::from(self.socket.get_ref()).set_linger(Some(Duration::ZERO)).expect("linger");
    }
}

/// The next message with data, or the end.
pub(super) fn message(socket: &mut WebSocket<TcpStream>) -> Result<Message, End> {
    loop {
        match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => return Ok(message),
            Ok(Message::Close(frame)) => {
                // The answer; whoever closed may have gone already.
                let _ = socket.flush();
                return Err(End::Close(frame.map_or(NO_CODE, |frame| frame.code.into())));
            }
            Ok(_) => {}
            Err(Error::Protocol(_) | Error::ConnectionClosed) => return Err(End::Cut),
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return Err(End::Reset);
            }
            Err(error) => panic!("{error}"),
        }
    }
}
