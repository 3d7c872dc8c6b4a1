//! A way to the S3 and SQS server on which things go wrong when told to: slow-downs, faults of the server, answers that break off, keys that have
//! expired. It also gives keys out, as a container's credentials endpoint does.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use offtrail_moto::{REGION, SECRET};

use crate::{archive::mixed, binary::Offtrail, moto::Moto};

/// Where keys are given out.
const KEYS: &str = "/keys";

/// The way. Its threads end with the test.
#[derive(Debug)]
pub struct Fickle {
    address: SocketAddr,
    way: Arc<Mutex<Way>>,
}

#[derive(Debug)]
struct Way {
    /// The server behind.
    port: u16,
    fitful: bool,
    /// The key that is given out, and the one that is taken.
    given: String,
    taken: String,
    /// How often each object was asked for.
    asked: BTreeMap<String, u32>,
    refused: usize,
}

/// How a request fares.
enum Fare {
    /// It is passed on.
    Well,
    /// It is passed on, and half of the answer comes back.
    Broken,
    /// It is answered here.
    Answered(String),
}

/// A request: its first line and headers, and its body.
struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Fickle {
    /// A way to this server on which all is well so far; any key is that of the day.
    #[must_use]
    pub fn before(moto: &Moto) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let way = Arc::new(Mutex::new(Way {
            port: moto.port(),
            fitful: false,
            given: "AKIAONE".to_owned(),
            taken: "AKIAONE".to_owned(),
            asked: BTreeMap::new(),
            refused: 0,
        }));
        let shared = Arc::clone(&way);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let way = Arc::clone(&shared);
                // A client that hangs up has seen enough.
                thread::spawn(move || serve(&stream, &way).ok());
            }
        });
        Self { address, way }
    }

    /// The same queue on this way.
    #[must_use]
    pub fn to(&self, queue: &str) -> String {
        let name = queue.splitn(4, '/').nth(3).unwrap();
        format!("http://{}/{name}", self.address)
    }

    /// A command line that goes this way, with keys that it gets here.
    #[must_use]
    pub fn serve(&self, command: Offtrail) -> Offtrail {
        let here = format!("http://{}", self.address);
        command
            .env("AWS_ENDPOINT_URL", &here)
            .env("AWS_REGION", REGION)
            .env(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                &format!("{here}{KEYS}"),
            )
    }

    /// From here on one object in sixteen is refused up to three times: slow down, a fault of the server, an answer that breaks off.
    pub fn be_fitful(&self) {
        self.way.lock().unwrap().fitful = true;
    }

    /// From here on another key than the one that is given out is taken.
    pub fn expire_keys(&self) {
        "AKIATWO".clone_into(&mut self.way.lock().unwrap().taken);
    }

    /// From here on the key is given out that is taken.
    pub fn renew_keys(&self) {
        let mut way = self.way.lock().unwrap();
        way.given = way.taken.clone();
    }

    /// How many requests came to nothing.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.way.lock().unwrap().refused
    }
}

impl Way {
    fn fare(&mut self, request: &Request) -> Fare {
        if request.line.starts_with(&format!("GET {KEYS}")) {
            return Fare::Answered(keys(&self.given));
        }
        let key = format!("Credential={}/", self.taken);
        if !request.header("authorization").contains(&key) {
            self.refused += 1;
            return Fare::Answered(expired(request));
        }
        if !self.fitful || !request.line.starts_with("GET /") {
            return Fare::Well;
        }
        let asked = self.asked.entry(request.line.clone()).or_default();
        *asked += 1;
        // Objects differ in how often they are refused.
        let length: usize = request.line.bytes().map(usize::from).sum();
        let chance = mixed(length as u64);
        let wanted = if chance.is_multiple_of(16) {
            1 + chance / 16 % 3
        } else {
            0
        };
        if u64::from(*asked) > wanted {
            return Fare::Well;
        }
        self.refused += 1;
        match *asked {
            1 => Fare::Answered(refusal("503 Slow Down", "SlowDown")),
            2 => Fare::Answered(refusal("500 Internal Server Error", "InternalError")),
            _ => Fare::Broken,
        }
    }
}

impl Request {
    fn read(stream: &TcpStream) -> std::io::Result<Self> {
        let mut from = BufReader::new(stream);
        let mut line = String::new();
        from.read_line(&mut line)?;
        let mut headers = Vec::new();
        loop {
            let mut header = String::new();
            if from.read_line(&mut header)? == 0 || header.trim().is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').unwrap_or_default();
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request = Self {
            line: line.trim().to_owned(),
            headers,
            body: Vec::new(),
        };
        let length = request.header("content-length").parse().unwrap_or(0);
        request.body.resize(length, 0);
        from.read_exact(&mut request.body)?;
        Ok(request)
    }

    fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    /// What the server behind answers.
    fn pass_on(&self, port: u16) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        let mut head = format!("{}\r\n", self.line);
        for (name, value) in &self.headers {
            if name != "connection" {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        head.push_str("connection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        stream.write_all(&self.body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

fn serve(mut stream: &TcpStream, way: &Mutex<Way>) -> std::io::Result<()> {
    let request = Request::read(stream)?;
    let (fare, port) = {
        let mut way = way.lock().unwrap();
        (way.fare(&request), way.port)
    };
    match fare {
        Fare::Answered(answer) => stream.write_all(answer.as_bytes()),
        Fare::Well => stream.write_all(&request.pass_on(port)?),
        Fare::Broken => {
            let answer = request.pass_on(port)?;
            // Past the head, which alone may be longer than the body.
            let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
            let body = head.map_or(0, |at| at + 4);
            let half = body + (answer.len() - body) / 2;
            stream.write_all(&answer[..half])
        }
    }
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn refusal(status: &str, code: &str) -> String {
    let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
    answer(status, "application/xml", &body)
}

/// S3 says it in XML, SQS in JSON.
fn expired(request: &Request) -> String {
    if request.line.starts_with("POST / ") {
        let body = r#"{"__type":"com.amazonaws.sqs#ExpiredToken","message":"The security token included in the request is expired"}"#;
        answer("403 Forbidden", "application/x-amz-json-1.0", body)
    } else {
        refusal("400 Bad Request", "ExpiredToken")
    }
}

/// Keys as a container gets them. The SDK renews keys in their last ten seconds: these after three.
fn keys(key: &str) -> String {
    let soon = std::process::Command::new("date")
        .args(["-u", "-d", "+13 seconds", "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    let soon = String::from_utf8(soon.stdout).unwrap();
    let body = format!(
        r#"{{"AccessKeyId":"{key}","SecretAccessKey":"{SECRET}","Token":"of the day","Expiration":"{}"}}"#,
        soon.trim()
    );
    answer("200 OK", "application/json", &body)
}
