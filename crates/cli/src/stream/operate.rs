//! Answering those who run a stream: `/healthz`, `/readyz` and `/metrics` over HTTP, and signals. One small thread, apart from the loop: it reads the last
//! [`Status`](super::status::Status) published and calls back, so a slow or hostile client holds up nothing.
//!
//! HTTP/1.1 by hyper; a connection carries one request and is short-lived, their number is bounded.

use std::{
    convert::Infallible,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, anyhow, bail};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use offtrail_event::Timestamp;
use tokio::{
    runtime::Runtime,
    sync::{Semaphore, oneshot},
    time::{sleep, timeout},
};

use super::{
    metrics::{self, Now},
    status::{Answer, Shared},
};

/// Connections answered at once; further ones wait in the system's own queue.
pub(crate) const CONNECTIONS_MAX: usize = 32;
/// How long a client may take to send the head of its request.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may last.
pub(crate) const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a request's head, at most; hyper takes no less.
pub(crate) const HEAD_BYTES_MAX: usize = 8 << 10;
/// Pause after the system refused a connection (too many open files), before the next is accepted.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);
/// Exit code after a second SIGTERM or SIGINT: not all work was done. What was taken is in the journal.
const EXIT_AT_ONCE: i32 = 2;

/// What signals call. Called on the thread of [`Operate`]: they should set something and return.
pub(crate) struct Hooks {
    /// SIGTERM, SIGINT: drain, checkpoint, exit. A second one ends the process at once.
    pub(crate) stop: Box<dyn Fn() + Send>,
    /// SIGHUP: read settings and suppressions again.
    pub(crate) reload: Box<dyn Fn() + Send>,
}

/// The thread that answers; it ends when this is dropped.
pub(crate) struct Operate {
    /// Where it listens, if it does: of use where port 0 was asked for.
    pub(crate) address: Option<SocketAddr>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Operate {
    /// Listens at `listen` (`127.0.0.1:9464`) if given, and takes signals if `hooks` are. Both hold once this returns.
    ///
    /// # Errors
    /// The address is none, can't be listened at, or signals can't be taken.
    pub(crate) fn start(
        listen: Option<&str>,
        status: Shared,
        hooks: Option<Hooks>,
    ) -> anyhow::Result<Self> {
        let listener = listen.map(bind).transpose()?;
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("start the thread that answers probes and signals")?;
        let signals = {
            let _inside = runtime.enter();
            hooks.map(Signals::take).transpose()?
        };
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("operate".to_owned())
            .spawn(move || run(&runtime, listener, status, signals, ended))
            .context("start the thread that answers probes and signals")?;
        Ok(Self {
            address,
            end: Some(end),
            thread: Some(thread),
        })
    }
}

impl Drop for Operate {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn bind(listen: &str) -> anyhow::Result<TcpListener> {
    let address: SocketAddr = listen.parse().map_err(|_| {
        anyhow!(
            "listen at {listen:?}: write an address and a port, such as 127.0.0.1:9464 or [::]:9464"
        )
    })?;
    let listener = match TcpListener::bind(address) {
        Ok(listener) => listener,
        Err(error) => bail!(
            "listen at {address}: {error}; choose another address with --listen, or end what listens there"
        ),
    };
    listener
        .set_nonblocking(true)
        .with_context(|| format!("listen at {address}"))?;
    Ok(listener)
}

fn run(
    runtime: &Runtime,
    listener: Option<TcpListener>,
    status: Shared,
    signals: Option<Signals>,
    ended: oneshot::Receiver<()>,
) {
    runtime.block_on(async move {
        if let Some(signals) = signals {
            tokio::spawn(signals.watch());
        }
        if let Some(listener) = listener {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => drop(tokio::spawn(serve(listener, status))),
                Err(error) => tracing::error!(%error, "probes and metrics are not answered"),
            }
        }
        // An error says that the other side was dropped, which is how it ends.
        let _ = ended.await;
    });
}

async fn serve(listener: tokio::net::TcpListener, status: Shared) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection for probes and metrics was refused");
                sleep(REFUSED_PAUSE).await;
                continue;
            }
        };
        let status = status.clone();
        tokio::spawn(async move {
            let _place = place;
            let answer = service_fn(|request: Request<Incoming>| {
                let response = respond(request.method(), request.uri().path(), &status);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .max_buf_size(HEAD_BYTES_MAX)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer);
            // A client that goes away, sends nonsense or dawdles is its own concern.
            let _ = timeout(CONNECTION_TIMEOUT, connection).await;
        });
    }
}

/// The answer to one request; hyper leaves the body out for HEAD.
fn respond(method: &Method, path: &str, status: &Shared) -> Response<Full<Bytes>> {
    let get = method == Method::GET || method == Method::HEAD;
    match path {
        "/healthz" | "/readyz" | "/metrics" if !get => {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "ask with GET or HEAD\n");
            let allow = hyper::header::HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allow);
            response
        }
        "/healthz" => probe(&status.read().health(Instant::now())),
        "/readyz" => probe(&status.read().readiness(Instant::now())),
        "/metrics" => {
            let text = metrics::text(&status.read(), now());
            response(StatusCode::OK, metrics::CONTENT_TYPE, text)
        }
        _ => plain(
            StatusCode::NOT_FOUND,
            "there are /healthz, /readyz and /metrics\n",
        ),
    }
}

fn now() -> Now {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let secs = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    Now {
        instant: Instant::now(),
        time: Timestamp::from_epoch_secs(secs).unwrap_or(Timestamp::MAX),
    }
}

fn probe(answer: &Answer) -> Response<Full<Bytes>> {
    let (code, word) = if answer.well {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
    };
    let text = serde_json::json!({ "status": word, "reason": answer.reason });
    response(code, "application/json", format!("{text}\n"))
}

fn plain(code: StatusCode, text: &str) -> Response<Full<Bytes>> {
    response(code, "text/plain; charset=utf-8", text.to_owned())
}

fn response(code: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    headers.insert(
        CACHE_CONTROL,
        hyper::header::HeaderValue::from_static("no-store"),
    );
    response
}

/// The signals a stream knows, and what they call.
struct Signals {
    hooks: Hooks,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// From now on these signals are ours.
    fn take(hooks: Hooks) -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let take = |kind| signal(kind).context("take signals");
        Ok(Self {
            hooks,
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
            hang_up: take(SignalKind::hangup())?,
        })
    }

    async fn watch(mut self) {
        let mut stopping = false;
        loop {
            tokio::select! {
                Some(()) = self.terminate.recv() => stop(&self.hooks, &mut stopping),
                Some(()) = self.interrupt.recv() => stop(&self.hooks, &mut stopping),
                Some(()) = self.hang_up.recv() => (self.hooks.reload)(),
                else => return,
            }
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// From now on an interrupt is ours.
    fn take(hooks: Hooks) -> anyhow::Result<Self> {
        Ok(Self { hooks })
    }

    async fn watch(self) {
        let mut stopping = false;
        while tokio::signal::ctrl_c().await.is_ok() {
            stop(&self.hooks, &mut stopping);
        }
    }
}

fn stop(hooks: &Hooks, stopping: &mut bool) {
    if std::mem::replace(stopping, true) {
        tracing::warn!("told to stop again: exiting at once");
        std::process::exit(EXIT_AT_ONCE);
    }
    (hooks.stop)();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        io::{Read as _, Write as _},
        net::TcpStream,
    };

    use crate::stream::status::{Phase, Status};

    use super::*;

    fn taking() -> Shared {
        Shared::new(Status {
            phase: Phase::Taking,
            last_tick: Some(Instant::now()),
            ..Status::default()
        })
    }

    fn start(status: &Shared) -> (Operate, SocketAddr) {
        let operate = Operate::start(Some("127.0.0.1:0"), status.clone(), None).unwrap();
        let address = operate.address.unwrap();
        (operate, address)
    }

    /// The whole answer to one request, once the server has closed the connection.
    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // The server may reset a connection whose request it did not read to the end.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    fn get(address: SocketAddr, path: &str) -> String {
        ask(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    #[test]
    fn probes_and_metrics_are_answered() {
        let status = taking();
        let (_operate, address) = start(&status);
        let check = |path: &str, code: &str, part: &str| {
            let answer = get(address, path);
            assert!(answer.starts_with(&format!("HTTP/1.1 {code}")), "{answer}");
            assert!(answer.contains(part), "{answer}");
        };
        check("/healthz", "200", r#"{"reason":"ticking","status":"ok"}"#);
        check("/readyz", "200", "taking input");
        check("/metrics", "200", "text/plain; version=0.0.4");
        check("/metrics?x=1", "200", "\nofftrail_ready 1\n");
        check("/", "404", "/metrics");
        check("/healthz/", "404", "");
        status.change(|status| status.phase = Phase::Draining);
        check("/readyz", "503", "draining");
        check("/healthz", "200", "");
        status.change(|status| status.fatal = Some("disk \"x\" gone".into()));
        check("/healthz", "503", r#"disk \"x\" gone"#);
        check("/metrics", "200", "\nofftrail_ready 0\n");
    }

    #[test]
    fn head_has_no_body_and_other_methods_are_refused() {
        let (_operate, address) = start(&taking());
        let head = ask(address, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"));
        let post = ask(
            address,
            "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        );
        assert!(post.starts_with("HTTP/1.1 405") && post.contains("GET, HEAD"));
    }

    #[test]
    fn nonsense_and_long_heads_are_refused_and_nobody_else_suffers() {
        let (_operate, address) = start(&taking());
        let silent: Vec<_> = (0..CONNECTIONS_MAX - 1)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        assert!(!ask(address, "\u{1}\u{2}\r\n\r\n").contains("200 OK"));
        let long = format!(
            "GET /healthz HTTP/1.1\r\nX: {}\r\n\r\n",
            "x".repeat(HEAD_BYTES_MAX * 2)
        );
        assert!(!ask(address, &long).contains("200 OK"));
        assert!(get(address, "/healthz").starts_with("HTTP/1.1 200"));
        drop(silent);
    }

    #[test]
    fn an_address_that_is_none_or_taken_is_told() {
        let error = |listen: &str| {
            let started = Operate::start(Some(listen), taking(), None);
            started.err().map(|error| error.to_string()).unwrap()
        };
        assert!(error("9464").contains("listen at \"9464\": write an address and a port"));
        assert!(error("localhost:http").contains("such as 127.0.0.1:9464"));
        let (_operate, address) = start(&taking());
        let taken = error(&address.to_string());
        assert!(
            taken.starts_with(&format!("listen at {address}: ")),
            "{taken}"
        );
        assert!(taken.contains("choose another address with --listen"));
    }

    #[test]
    fn it_ends_when_dropped() {
        let (operate, address) = start(&taking());
        drop(operate);
        assert!(TcpStream::connect(address).is_err());
    }
}
