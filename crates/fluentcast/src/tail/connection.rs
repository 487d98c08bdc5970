//! One request and its answer: `GET .../events` as lines of JSON, by hyper.

use std::fmt::Write as _;

use bytes::Bytes;
use fluentcast_event::limits::{TAIL_ANSWER_TIMEOUT, TAIL_REFUSAL_BYTES_MAX, TAIL_SILENCE_MAX};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::place::Hello;
use super::target::Target;
use crate::dial::{self, Dialer};
use crate::escape;

/// Why there is no answer, or no more of it.
#[derive(Debug)]
pub(super) enum Failure {
    /// Trying again would be the same.
    Final(String),
    /// It may pass.
    Passing(String),
}

/// An answer that has begun.
pub(super) struct Answer {
    pub(super) hello: Hello,
    body: Incoming,
}

impl Answer {
    /// Connects and asks.
    pub(super) async fn ask(dialer: &Dialer, target: &Target, path_and_query: &str) -> Result<Self, Failure> {
        let dialed = dialer.dial(&target.host, target.port).await;
        let stream = dialed.map_err(|error| {
            let told = unreachable(target, &error.to_string());
            if dial::is_lasting(&error) { Failure::Final(told) } else { Failure::Passing(told) }
        })?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| passing(target, &chain(&error)))?;
        // Ends with the answer: what goes wrong on the connection is seen there.
        tokio::spawn(async move { _ = connection.await });
        let mut request = Request::get(path_and_query)
            .header(HOST, target.authority())
            .header(USER_AGENT, concat!("fluentcast/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "application/x-ndjson");
        if let Some(authorization) = target.authorization() {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(|error| Failure::Final(format!("this cannot be asked for: {error}")))?;
        let response = timeout(TAIL_ANSWER_TIMEOUT, sender.send_request(request))
            .await
            .map_err(|_| passing(target, "it does not answer"))?
            .map_err(|error| passing(target, &chain(&error)))?;
        Self::of(target, response).await
    }

    async fn of(target: &Target, response: Response<Incoming>) -> Result<Self, Failure> {
        let status = response.status();
        if status != StatusCode::OK {
            let sentence = refusal(response.into_body()).await;
            let told = format!("{} refuses: {status}{sentence}", target.authority());
            let passes = status.is_server_error()
                || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
            return Err(if passes && status != StatusCode::HTTP_VERSION_NOT_SUPPORTED {
                Failure::Passing(told)
            } else {
                Failure::Final(told)
            });
        }
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let number = |name: &str| header(name)?.parse::<u64>().ok();
        let hello = (|| {
            let (seq, oldest) = (number("fluentcast-seq")?, number("fluentcast-oldest")?);
            Some(Hello { epoch: header("fluentcast-epoch")?.to_owned(), seq, oldest })
        })();
        let hello = hello.ok_or_else(|| {
            Failure::Final(format!(
                "{} answers, but not as a Fluentcast stream does: is there another program on this port?",
                target.authority()
            ))
        })?;
        Ok(Self { hello, body: response.into_body() })
    }

    /// The next piece; `None` when the answer has ended as it should.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = timeout(TAIL_SILENCE_MAX, self.body.frame()).await.map_err(|_| {
                Failure::Passing(format!("nothing came for {} s", TAIL_SILENCE_MAX.as_secs()))
            })?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Failure::Passing(chain(&error))),
                // What is no data are trailers, which nobody sends.
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }
}

fn passing(target: &Target, why: &str) -> Failure {
    Failure::Passing(unreachable(target, why))
}

fn unreachable(target: &Target, why: &str) -> String {
    format!("cannot connect to {}: {why}", target.authority())
}

/// The sentence with which a server refuses, on one line, as far as it comes soon.
async fn refusal(mut body: Incoming) -> String {
    let mut text = Vec::new();
    let read = async {
        while text.len() < TAIL_REFUSAL_BYTES_MAX
            && let Some(Ok(frame)) = body.frame().await
        {
            text.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
    };
    // What has come by then is all there is to say.
    let _ = timeout(TAIL_ANSWER_TIMEOUT, read).await;
    text.truncate(TAIL_REFUSAL_BYTES_MAX);
    match String::from_utf8_lossy(&text).trim() {
        "" => String::new(),
        text => format!(": {}", escape::plain(text)),
    }
}

/// An error and what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing into a string cannot fail.
        let _ = write!(told, ": {error}");
        cause = error.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_that_says_nothing_is_dead() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let target = Target::at_port(listener.local_addr().expect("an address").port());
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let head = "HTTP/1.1 200 OK\r\nfluentcast-epoch: e\r\nfluentcast-seq: 1\r\nfluentcast-oldest: 1\r\n\
                        transfer-encoding: chunked\r\n\r\n1\r\n\n\r\n";
            stream.write_all(head.as_bytes()).await.expect("sent");
            stream
        });
        let mut answer =
            Answer::ask(&Dialer::default(), &target, "/events").await.unwrap_or_else(|why| panic!("{why:?}"));
        assert!(matches!(answer.next().await, Ok(Some(piece)) if piece == "\n"));
        let stream = served.await.expect("served");
        // From here on time passes as soon as nothing else happens.
        tokio::time::pause();
        let Err(Failure::Passing(why)) = answer.next().await else { panic!("it is not dead") };
        assert_eq!(why, "nothing came for 45 s");
        drop(stream);
    }
}
