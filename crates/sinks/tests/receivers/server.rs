//! An HTTP server that has bad days on order, written with nothing but the standard library.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use crate::PATIENCE;

/// What a server does with a request it has read.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// This status, header lines and body.
    Say(u16, &'static str, &'static str),
    /// Closes the connection without a word.
    HangUp,
    /// Says nothing until the client goes away.
    Silence,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// By name in small letters.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// The status it was answered with, if it was.
    pub(crate) status: Option<u16>,
}

/// A server that answers by a script, and 200 after its end.
pub(crate) struct Server {
    pub(crate) port: u16,
    requests: Receiver<Request>,
}

impl Server {
    pub(crate) fn start(script: Vec<Reply>) -> Self {
        Self::on(TcpListener::bind(("127.0.0.1", 0)).unwrap(), script)
    }

    pub(crate) fn on(listener: TcpListener, script: Vec<Reply>) -> Self {
        let port = listener.local_addr().unwrap().port();
        let script = Arc::new(Mutex::new(VecDeque::from(script)));
        let (told, requests) = mpsc::channel();
        // Ends with the test program; loopback only.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (script, told) = (Arc::clone(&script), told.clone());
                std::thread::spawn(move || serve(stream, &script, &told));
            }
        });
        Self { port, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/in", self.port)
    }

    /// The next request, waited for.
    pub(crate) fn next(&self) -> Request {
        self.requests.recv_timeout(PATIENCE).unwrap()
    }

    /// All requests so far.
    pub(crate) fn all(&self) -> Vec<Request> {
        self.requests.try_iter().collect()
    }
}

fn serve(stream: TcpStream, script: &Mutex<VecDeque<Reply>>, told: &Sender<Request>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(mut request) = read(&mut reader) {
        let reply = script.lock().unwrap().pop_front();
        let reply = reply.unwrap_or(Reply::Say(200, "", "ok"));
        if let Reply::Say(status, ..) = reply {
            request.status = Some(status);
        }
        let _ = told.send(request);
        match reply {
            Reply::Say(status, headers, body) => {
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} said\r\n{headers}content-length: {length}\r\n\r\n{body}"
                );
                if (&stream).write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
            Reply::HangUp => return,
            Reply::Silence => {
                let _ = reader.read(&mut [0]);
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        headers,
        body: String::from_utf8(body).ok()?,
        status: None,
    })
}
