//! Lists and reads sources and does nothing with what comes: the cost of fetching alone, for `scripts/bench-s3`.
//!
//! usage: read THREADS SOURCE…
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example for measuring: it reads and prints"
)]

use std::env;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use offtrail_sources::{Settings, Source, Sources, TimeRange};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let threads: usize = arguments.next().ok_or("name the threads")?.parse()?;
    let named = arguments
        .map(|text| Source::parse(&text))
        .collect::<Result<Vec<_>, _>>()?;
    let sources = Sources::new(Settings::default());
    let items = sources.list(&named, TimeRange::default())?.items;
    let listed = items.len();
    let reader = sources.read(items.by_delivery()?)?;
    let (bytes, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(delivery) = reader.next() {
                    match delivery.bytes {
                        Ok(read) => bytes.fetch_add(read.len() as u64, Ordering::Relaxed),
                        Err(_) => failed.fetch_add(1, Ordering::Relaxed),
                    };
                }
            });
        }
    });
    println!(
        "{listed} listed, {} failed, {} bytes",
        failed.into_inner(),
        bytes.into_inner()
    );
    Ok(())
}
