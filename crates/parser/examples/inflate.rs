//! Inflates every gzip file below a folder and does nothing else: the limit that reading an archive is measured against.
//!
//! `cargo run --release -p offtrail-parser --example inflate -- FOLDER [THREADS]` prints files, packed and inflated bytes.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a tool for people at a terminal"
)]

mod files;

use std::{
    env, fs, io,
    path::PathBuf,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
};

use libdeflater::Decompressor;

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| ".".to_owned()));
    let threads: usize = arguments
        .next()
        .and_then(|threads| threads.parse().ok())
        .unwrap_or(1);
    let mut paths = files::below(&folder)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    let next = AtomicUsize::new(0);
    let (packed, inflated) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| work(&paths, &next, (&packed, &inflated))))
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("a worker doesn't panic"))
    })?;
    println!(
        "{} files, {} bytes packed, {} inflated",
        paths.len(),
        packed.into_inner(),
        inflated.into_inner()
    );
    Ok(())
}

fn work(
    paths: &[PathBuf],
    next: &AtomicUsize,
    (packed, inflated): (&AtomicU64, &AtomicU64),
) -> io::Result<()> {
    let mut decompressor = Decompressor::new();
    let mut room = Vec::new();
    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
        let bytes = fs::read(path)?;
        // The last four bytes of a gzip member are its inflated size.
        let Some(size) = bytes.last_chunk::<4>() else {
            continue;
        };
        room.resize(u32::from_le_bytes(*size) as usize, 0);
        let size = decompressor
            .gzip_decompress(&bytes, &mut room)
            .map_err(|error| io::Error::other(format!("inflate {}: {error}", path.display())))?;
        packed.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        inflated.fetch_add(size as u64, Ordering::Relaxed);
    }
    Ok(())
}
