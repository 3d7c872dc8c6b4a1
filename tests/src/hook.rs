//! A receiver of webhooks on this machine, which can be down: it then answers every request with 503, and with 200 once it is up.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// A receiver. Its thread ends with the test.
#[derive(Debug)]
pub struct Hook {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    up: bool,
    refused: usize,
    taken: Vec<(String, String)>,
}

impl Hook {
    /// One that is down, on a free port.
    #[must_use]
    pub fn down() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let kept = Arc::clone(&state);
        // One connection after the other, one request each: what is sent in order is noted in order.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A sender that is killed leaves half a request.
                let _ = serve(&stream, &state);
            }
        });
        Self {
            address,
            state: kept,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/findings", self.address)
    }

    /// From here on it takes what comes.
    pub fn up(&self) {
        self.state.lock().unwrap().up = true;
    }

    /// How many requests it refused.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.state.lock().unwrap().refused
    }

    /// What it took, in order: idempotency key and body.
    #[must_use]
    pub fn taken(&self) -> Vec<(String, String)> {
        self.state.lock().unwrap().taken.clone()
    }
}

fn serve(mut stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut from = BufReader::new(stream);
    let (mut length, mut key) = (0, String::new());
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "idempotency-key" => value.trim().clone_into(&mut key),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    let mut state = state.lock().unwrap();
    let answer = if state.up {
        state.taken.push((key, String::from_utf8(body).unwrap()));
        "200 OK"
    } else {
        state.refused += 1;
        "503 Service Unavailable"
    };
    let head = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())
}
