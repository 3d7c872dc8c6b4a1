//! A webhook behind TLS: trusted certificates only. The server is Python's, its certificate made by openssl for this test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::{Running, quick, states};

/// Says its port, then each body it is sent.
const SERVER: &str = r#"
import http.server, ssl, sys
class In(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        print(body.decode(), flush=True)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), In)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A key and a certificate for this machine's own address; false, said aloud, where there is no openssl.
fn certify(key: &Path, certificate: &Path) -> bool {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=test"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout".as_ref(), key.as_os_str()])
        .args(["-out".as_ref(), certificate.as_os_str()])
        .stderr(Stdio::null())
        .status();
    match made {
        Ok(status) => {
            assert!(status.success(), "openssl makes no certificate");
            true
        }
        Err(error) => {
            eprintln!("skipped: no openssl ({error})");
            false
        }
    }
}

/// In processes of their own, since what is trusted stands in the environment.
#[test]
fn only_a_trusted_server_gets_anything() {
    if let Ok(url) = std::env::var("OFFTRAIL_SINK_TEST") {
        let sink = Running::start(&url, quick(), None);
        sink.offer(&states(1));
        if std::env::var_os("OFFTRAIL_TRUSTED").is_some() {
            sink.wait_for(1);
        } else {
            let error = sink.wait_for_failure();
            assert!(error.contains("invalid peer certificate"), "{error}");
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("key"), folder.path().join("cert"));
    let other = folder.path().join("other");
    if !certify(&key, &other) || !certify(&key, &certificate) {
        return;
    }
    let server = Command::new("python3")
        .args(["-c", SERVER])
        .args([&certificate, &key])
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut server) = server.map(Ended) else {
        eprintln!("skipped: no python3");
        return;
    };
    let mut said = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let port = said.next().unwrap().unwrap();
    let run = |trusted: &Path| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["tls::only_a_trusted_server_gets_anything", "--exact"])
            .env("OFFTRAIL_SINK_TEST", format!("https://127.0.0.1:{port}/in"))
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR");
        command
    };
    assert!(run(&other).status().unwrap().success());
    let trusting = run(&certificate).env("OFFTRAIL_TRUSTED", "1").status();
    assert!(trusting.unwrap().success());
    assert_eq!(said.next().unwrap().unwrap(), *states(1)[0].line);
}
