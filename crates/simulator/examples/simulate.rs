//! Writes a simulated archive into a folder: `simulate DIR [small|medium|large|demo] [SEED] [DAYS]`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example is an edge: it reads arguments, writes files and tells the time it took"
)]

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use offtrail_simulator::{Scale, Settings, Sink, demo_settings, simulate};

struct Folder(PathBuf);

impl Sink for Folder {
    fn file(&mut self, path: &str, bytes: &[u8]) -> std::io::Result<()> {
        let path = self.0.join(path);
        match fs::write(&path, bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                fs::create_dir_all(path.parent().unwrap_or(&path))?;
                fs::write(&path, bytes)
            }
            done => done,
        }
    }
}

struct Nowhere;

impl Sink for Nowhere {
    fn file(&mut self, _: &str, _: &[u8]) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let out = args
        .next()
        .ok_or("usage: simulate DIR|- [small|medium|large|demo] [SEED] [DAYS]")?;
    let mut settings = match args.next().as_deref() {
        None | Some("small") => Settings::default(),
        Some("medium") => Settings {
            scale: Scale::Medium,
            ..Settings::default()
        },
        Some("large") => Settings {
            scale: Scale::Large,
            ..Settings::default()
        },
        Some("demo") => demo_settings(),
        Some(other) => return Err(format!("no scale {other:?}").into()),
    };
    if let Some(seed) = args.next() {
        settings.seed = seed.parse()?;
    }
    if let Some(days) = args.next() {
        settings.days = days.parse()?;
    }
    let mut folder = Folder(PathBuf::from(&out));
    let mut nowhere = Nowhere;
    let sink: &mut dyn Sink = if out == "-" {
        &mut nowhere
    } else {
        &mut folder
    };
    let started = Instant::now();
    let summary = simulate(&settings, sink, &mut |_| {})?;
    println!("{summary:#?}");
    eprintln!("{:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}
