use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::*;

/// Yields what the test sends, a connection being just a number.
struct Scripted(mpsc::UnboundedReceiver<io::Result<u32>>);

impl Listener for Scripted {
    type Connection = u32;

    async fn accept(&mut self) -> io::Result<(u32, SocketAddr)> {
        match self.0.recv().await {
            Some(result) => result.map(|number| (number, ([127, 0, 0, 1], 1).into())),
            None => std::future::pending().await,
        }
    }
}

fn admission(connection_limit: u32) -> Admission {
    Admission {
        name: "test".into(),
        connection_limit,
        accepted: Counter::default(),
        refused: Counter::default(),
        errors: Counter::default(),
    }
}

fn no_file_descriptor() -> io::Error {
    io::Error::from_raw_os_error(24)
}

#[test]
fn pauses_grow_within_bounds() {
    let mut pause = Pause::default();
    let millis = [(); 9].map(|()| pause.next().as_millis());
    assert_eq!(millis, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
}

#[tokio::test(start_paused = true)]
async fn failures_pause_the_loop_and_never_end_it() {
    let (script, listener) = mpsc::unbounded_channel();
    let (seen, mut numbers) = mpsc::unbounded_channel();
    let admission = admission(10);
    let errors = admission.errors.clone();
    let shutdown = CancellationToken::new();
    for _ in 0..3 {
        script.send(Err(no_file_descriptor())).unwrap();
    }
    script.send(Err(io::ErrorKind::ConnectionAborted.into())).unwrap();
    script.send(Ok(1)).unwrap();
    script.send(Err(no_file_descriptor())).unwrap();
    script.send(Ok(2)).unwrap();
    let start = Instant::now();
    let server = tokio::spawn(serve(Scripted(listener), admission, shutdown.clone(), move |number, _| {
        let seen = seen.clone();
        async move { seen.send(number).unwrap() }
    }));
    assert_eq!(numbers.recv().await, Some(1));
    assert_eq!(start.elapsed(), Duration::from_millis(10 + 20 + 40), "the aborted one costs nothing");
    assert_eq!(numbers.recv().await, Some(2));
    assert_eq!(start.elapsed(), Duration::from_millis(70 + 10), "a success begins anew");
    assert_eq!(errors.get(), 4);
    shutdown.cancel();
    server.await.unwrap();
}

#[tokio::test]
async fn one_connection_too_many_is_refused_until_another_ends() {
    let (script, listener) = mpsc::unbounded_channel();
    let (seen, mut numbers) = mpsc::unbounded_channel();
    let admission = admission(1);
    let (accepted, refused) = (admission.accepted.clone(), admission.refused.clone());
    let shutdown = CancellationToken::new();
    let release = Arc::new(Notify::new());
    let ended = Arc::clone(&release);
    script.send(Ok(1)).unwrap();
    script.send(Ok(2)).unwrap();
    let server = tokio::spawn(serve(Scripted(listener), admission, shutdown.clone(), move |number, _| {
        let (seen, ended) = (seen.clone(), Arc::clone(&ended));
        async move {
            seen.send(number).unwrap();
            ended.notified().await;
        }
    }));
    assert_eq!(numbers.recv().await, Some(1));
    while refused.get() == 0 {
        tokio::task::yield_now().await;
    }
    release.notify_one();
    // The end of 1 is noticed at some time; what comes before is refused like 2.
    let third = loop {
        script.send(Ok(3)).unwrap();
        tokio::task::yield_now().await;
        if let Ok(number) = numbers.try_recv() {
            break number;
        }
    };
    assert_eq!(third, 3);
    assert_eq!(accepted.get(), 2);
    shutdown.cancel();
    release.notify_one();
    server.await.unwrap();
}

#[tokio::test]
async fn stopping_closes_the_listener_and_waits_for_connections() {
    let at = Listen { host: "127.0.0.1".into(), port: 0, origin: Default::default() };
    let listener = listen(&at, None).unwrap();
    let address = listener.local_addr().unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    let shutdown = CancellationToken::new();
    let (started, mut starts) = mpsc::unbounded_channel();
    let release = Arc::new(Notify::new());
    let ended = Arc::clone(&release);
    let server = tokio::spawn(serve(listener, admission(10), shutdown.clone(), move |_stream, _| {
        let (started, ended) = (started.clone(), Arc::clone(&ended));
        async move {
            started.send(()).unwrap();
            ended.notified().await;
        }
    }));
    let _connection = TcpStream::connect(address).await.unwrap();
    starts.recv().await.unwrap();
    shutdown.cancel();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.is_finished(), "it waits for the connection");
    release.notify_one();
    server.await.unwrap();
}
