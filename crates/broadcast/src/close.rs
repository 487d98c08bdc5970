//! Why a client's connection ends: one list that feeds the close code, the log and the counters.

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The server stops.
    GoingAway,
    /// What the client asked for is complete (`$follow=false`).
    Complete,
    /// The client's token is worth nothing any more.
    Expired,
    /// The client came without a token and sent none in time.
    NoToken,
    /// The token that the client sent is none that counts.
    WrongToken,
    /// What the client came by was taken away while it was connected.
    Revoked,
    /// The client has a token, and asked in its URL for what cannot be served.
    BadRequest,
    /// The client has a token, and there is no room for it.
    Full,
    /// The client was further behind than `client_lag_limit`.
    Lagging,
    /// The client sends messages and does not read the answers.
    Flooding,
    /// The client broke RFC 6455.
    Protocol(&'static str),
    /// A text message or a close reason was not UTF-8.
    InvalidUtf8,
    /// A compressed message is not what RFC 7692 makes of any message.
    InvalidDeflate,
    /// A message was larger than the inbound limit.
    TooBig,
    /// No pong within `ping_timeout`.
    PongTimeout,
    /// The client sent a close frame, with this code if it gave one.
    ClosedByClient(Option<u16>),
    /// The connection ended without a close frame.
    Lost,
    /// The server cannot go on with this client: a bug.
    Failed,
}

impl CloseReason {
    /// The status code of the close frame (RFC 6455 section 7.4.1; 1013 and 3000 from the IANA registry). `None`
    /// when there is nobody left to tell.
    #[must_use]
    pub fn code(self) -> Option<u16> {
        match self {
            Self::Complete => Some(1000),
            Self::GoingAway => Some(1001),
            Self::Flooding | Self::BadRequest => Some(1008),
            Self::Protocol(_) => Some(1002),
            Self::InvalidUtf8 | Self::InvalidDeflate => Some(1007),
            Self::TooBig => Some(1009),
            Self::Failed => Some(1011),
            Self::Lagging | Self::Full => Some(1013),
            // "Unauthorized" in the IANA registry.
            Self::Expired | Self::NoToken | Self::WrongToken | Self::Revoked => Some(3000),
            // The closing handshake echoes the code it was given.
            Self::ClosedByClient(code) => Some(code.unwrap_or(1000)),
            Self::PongTimeout | Self::Lost => None,
        }
    }

    /// The words of the close frame; at most 123 bytes, as a control frame holds 125.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Complete => "this is all there is",
            Self::GoingAway => "the server is going away",
            Self::Expired => "the token has expired",
            Self::NoToken => "no token came in time",
            Self::WrongToken => "the token is not valid",
            Self::Revoked => "the token is not valid any more",
            Self::BadRequest => "what the URL asks for cannot be served",
            Self::Full => "too many clients: try again later",
            Self::Flooding => "too many messages whose answers are not read",
            Self::Lagging => "too slow: further behind than client_lag_limit",
            Self::Protocol(what) => what,
            Self::InvalidUtf8 => "text is not valid UTF-8",
            Self::InvalidDeflate => "a compressed message cannot be inflated",
            Self::TooBig => "message too big",
            Self::PongTimeout => "no pong in time",
            Self::ClosedByClient(_) => "",
            Self::Lost => "connection lost",
            Self::Failed => "internal error",
        }
    }
}
