//! A server of S3's GetObject and ListObjectsV2 over a folder, for `scripts/bench-s3`: as quick as can be, so that what is measured is the client.
//!
//! usage: loopback FOLDER      `FOLDER/x` is `s3://trail/FOLDER'S NAME/x`; prints its port and serves until it is ended. It checks no signature and reads every
//! object once, at the start, into memory.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example for measuring: it reads, listens and prints"
)]

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

type Objects = BTreeMap<String, Vec<u8>>;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args().nth(1).ok_or("name a folder")?);
    let name = folder.file_name().ok_or("name a folder")?;
    let bucket = format!("trail/{}", name.to_string_lossy());
    let mut objects = Objects::new();
    for entry in walkdir::WalkDir::new(&folder) {
        let entry = entry?;
        if entry.file_type().is_file() {
            let key = entry.path().strip_prefix(&folder)?;
            objects.insert(
                format!("{bucket}/{}", key.to_string_lossy()),
                whole(&fs::read(entry.path())?),
            );
        }
    }
    let objects = Arc::new(objects);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream, Arc::clone(&objects)));
        }
    })
}

/// An answer with its head, ready to be sent.
fn whole(body: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nETag: \"{}\"\r\n\r\n",
        body.len(),
        tag(body)
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// A tag as of an MD5: 32 digits that depend on all bytes (FNV-1a, twice).
fn tag(body: &[u8]) -> String {
    let hash = |start: u64| {
        body.iter().fold(start, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    format!("{:016x}{:016x}", hash(0xcbf2_9ce4_8422_2325), hash(1))
}

async fn serve(stream: TcpStream, objects: Arc<Objects>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read);
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let target = line.split(' ').nth(1).unwrap_or("/").to_owned();
        loop {
            line.clear();
            if lines.read_line(&mut line).await? <= 2 {
                break;
            }
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let path = decoded(path.trim_start_matches('/'));
        if query.contains("list-type=2") {
            let page = page(&objects, path.trim_end_matches('/'), query);
            write.write_all(&whole(page.as_bytes())).await?;
        } else if let Some(answer) = objects.get(&path) {
            write.write_all(answer).await?;
        } else {
            let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
            write.write_all(missing).await?;
        }
    }
}

/// One page of a listing.
fn page(objects: &Objects, bucket: &str, query: &str) -> String {
    let asked: HashMap<&str, String> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name, decoded(value)))
        .collect();
    let of = |name: &str| asked.get(name).map_or("", String::as_str);
    let below = format!("{bucket}/{}", of("prefix"));
    let after = match (of("continuation-token"), of("start-after")) {
        ("", "") => below.clone(),
        ("", after) => format!("{bucket}/{after}\0"),
        (token, _) => token.to_owned(),
    };
    let limit: usize = of("max-keys").parse().unwrap_or(1_000);
    let mut text = String::from("<ListBucketResult>");
    let (mut from, mut told, mut next) = (after, 0, None);
    loop {
        let range = (Bound::Included(from.as_str()), Bound::Unbounded);
        let found = objects.range::<str, _>(range).next();
        let Some((key, answer)) = found.filter(|(key, _)| key.starts_with(&below)) else {
            break;
        };
        if told == limit {
            next = Some(from);
            break;
        }
        told += 1;
        let rest = &key[below.len()..];
        let name = &key[bucket.len() + 1..];
        match rest.find('/').filter(|_| !of("delimiter").is_empty()) {
            Some(end) => {
                let folder = &name[..name.len() - rest.len() + end + 1];
                let _ = write!(
                    text,
                    "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"
                );
                // `0` follows `/`: whatever lies in the folder sorts before.
                from = format!("{bucket}/{}0", folder.trim_end_matches('/'));
            }
            None => {
                let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
                let body = &answer[head.map_or(0, |head| head + 4)..];
                let _ = write!(
                    text,
                    "<Contents><Key>{name}</Key><Size>{}</Size><ETag>\"{}\"</ETag></Contents>",
                    body.len(),
                    tag(body)
                );
                from = format!("{key}\0");
            }
        }
    }
    if let Some(next) = &next {
        let _ = write!(
            text,
            "<NextContinuationToken>{}</NextContinuationToken>",
            next.replace('\0', "!")
        );
    }
    let _ = write!(
        text,
        "<IsTruncated>{}</IsTruncated></ListBucketResult>",
        next.is_some()
    );
    text
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match byte {
            b'%' => {
                let (high, low) = (hex(rest.next()), hex(rest.next()));
                bytes.push((high.unwrap_or(0) * 16 + low.unwrap_or(0)) as u8);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
