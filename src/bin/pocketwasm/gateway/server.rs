//! Accepting connections, limiting their number, and shutting down gracefully.

use super::{answer::REQUEST_ID, config::Serve, requests, stream::Stream};
use crate::gateway::state::Gateway;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

/// How many connections above the limit get an answer at the same time. Any more are closed without
/// one.
const TURNED_AWAY: usize = 64;
/// The rest of that answer, after the request's id. Nothing that the client sent has been read.
const FULL: &str = "content-type: text/plain; charset=utf-8\r\n\
    content-length: 25\r\n\
    retry-after: 1\r\n\
    connection: close\r\n\r\n\
    too many connections now\n";
/// How long connections may take to end after their calls have been cancelled.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A listening socket and the settings of its connections.
pub(super) struct Listener {
    listener: tokio::net::TcpListener,
    connections: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    protocol: http1::Builder,
    write_timeout: Duration,
    grace: Duration,
    signals: Signals,
}

impl Listener {
    /// Must be called inside a runtime. Handles signals from here on.
    pub(super) fn new(listener: std::net::TcpListener, serve: &Serve) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            // A client may close its sending half after the request and wait for the answer.
            .half_close(true)
            .header_read_timeout(serve.header_timeout)
            .max_buf_size(serve.max_header);
        Ok(Self {
            listener: tokio::net::TcpListener::from_std(listener)?,
            connections: Arc::new(Semaphore::new(serve.max_connections)),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY)),
            protocol,
            write_timeout: serve.write_timeout,
            grace: serve.grace,
            signals: Signals::new()?,
        })
    }

    /// Serves until a signal arrives, then waits for requests in flight, for at most the grace
    /// period.
    pub(super) async fn serve(mut self, gateway: Arc<Gateway>) {
        let graceful = GracefulShutdown::new();
        loop {
            tokio::select! {
                () = self.signals.next() => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.admit(stream, peer, &graceful, &gateway),
                    // Either one connection failed early, or there are too many open files. In the
                    // second case, others need a moment to close.
                    Err(error) => {
                        log::warn!("a connection was not accepted: {error}");
                        sleep(Duration::from_millis(20)).await;
                    }
                },
            }
        }
        drop(self.listener);
        gateway.settings.stop();
        let mut ended = pin!(graceful.shutdown());
        let in_time = tokio::select! {
            () = &mut ended => true,
            () = sleep(self.grace) => false,
            () = self.signals.next() => false,
        };
        gateway.pool.close();
        gateway.runner.close();
        if !in_time {
            log::warn!("calls went on to the end of the grace period, or a second signal came");
            let _ = timeout(LAST_WORDS, ended).await;
        }
    }

    fn admit(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        graceful: &GracefulShutdown,
        gateway: &Arc<Gateway>,
    ) {
        let Ok(place) = self.connections.clone().try_acquire_owned() else {
            gateway.metrics.rejected("connections");
            if let Ok(place) = self.turned_away.clone().try_acquire_owned() {
                let id = gateway.settings.next_id();
                tokio::spawn(turn_away(stream, id, place));
            }
            return;
        };
        // Answers are written whole: Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let shared = gateway.clone();
        let service = service_fn(move |request| {
            let gateway = shared.clone();
            async move { Ok::<_, Infallible>(requests::answer(&gateway, request, peer).await) }
        });
        let reset = reset_of(&stream);
        let stream = TokioIo::new(Stream::new(stream, self.write_timeout));
        let connection = self.protocol.serve_connection(stream, service);
        let connection = graceful.watch(connection);
        let gateway = gateway.clone();
        tokio::spawn(async move {
            gateway.metrics.connections.inc();
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    log::debug!("connection of {peer}: {error}");
                },
                () = reset => log::debug!("connection of {peer}: reset"),
            }
            gateway.metrics.connections.dec();
            drop(place);
        });
    }
}

/// Completes when the client resets the connection. A closed sending half does not count, because
/// the client may still wait for the answer.
#[cfg(target_os = "linux")]
fn reset_of(stream: &TcpStream) -> impl Future<Output = ()> + use<> {
    use std::os::fd::AsFd;
    use tokio::io::Interest;
    let owned = stream.as_fd().try_clone_to_owned();
    let watched = owned.and_then(|owned| TcpStream::from_std(owned.into()));
    async move {
        match watched {
            Ok(watched) => {
                let _ = watched.ready(Interest::ERROR).await;
            }
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn reset_of(_: &TcpStream) -> impl Future<Output = ()> + use<> {
    std::future::pending()
}

/// Answers that there are too many connections. Reads and drops what the client sends meanwhile: if
/// the socket were closed with unread data, the reset could destroy the answer.
async fn turn_away(mut stream: TcpStream, id: String, _place: OwnedSemaphorePermit) {
    let answer = format!("HTTP/1.1 503 Service Unavailable\r\n{REQUEST_ID}: {id}\r\n{FULL}");
    let farewell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut ignored = [0; 4_096];
        while stream.read(&mut ignored).await? > 0 {}
        Ok::<(), io::Error>(())
    };
    let _ = timeout(LAST_WORDS, farewell).await;
}

/// The signals that stop the gateway.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // The signal cannot be received: wait forever.
            std::future::pending::<()>().await;
        }
    }
}
