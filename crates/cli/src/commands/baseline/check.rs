//! `offtrail baseline check`: whether a reviewed folder is what was signed, and whether a baseline is what was reviewed.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use minisign_verify::{PublicKey, Signature};
use offtrail_baseline::export::review_files;
use offtrail_event::Vocabulary;
use offtrail_store::Store;

use super::{
    folder::principal_files,
    manifest::{MANIFEST_NAME, Manifest, SIGNATURE_NAME, digest},
};
use crate::{errors::Outcome, output::Output, pipeline::run::settings};

/// Checks that a folder is what its manifest says, and that a baseline is what the folder says.
///
/// Exit code 1 if not. Sign with `minisign -S -m DIR/MANIFEST.sha256`, which leaves MANIFEST.sha256.minisig beside it.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  offtrail baseline check review/ --baseline org.db
  offtrail baseline check review/ --baseline org.db --public-key minisign.pub")]
pub(super) struct Arguments {
    /// The folder of an export in TOML.
    dir: PathBuf,
    /// The baseline file.
    #[arg(long, value_name = "FILE")]
    baseline: PathBuf,
    /// Demand a minisign signature of the manifest by the key in this file.
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Settings whose rule of maturity applies.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

/// Differences listed; more are counted.
const DIFFERENCES_SHOWN_MAX: usize = 20;

/// What was found to differ.
#[derive(Default)]
struct Differences {
    shown: Vec<String>,
    count: usize,
}

impl Differences {
    fn add(&mut self, text: String) {
        self.count += 1;
        if self.shown.len() < DIFFERENCES_SHOWN_MAX {
            self.shown.push(text);
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &Arguments) -> anyhow::Result<Outcome> {
    let rule = settings(args.settings.as_deref())?.maturity_rule();
    let manifest = Manifest::read(&args.dir)?.with_context(|| {
        format!(
            "check {:?}: there is no {MANIFEST_NAME}; export into the folder with this version",
            args.dir
        )
    })?;
    let mut out = Output::stdout();
    if let Some(key) = &args.public_key {
        signature(&args.dir, key)?;
        writeln!(out, "signature  holds")?;
    } else if args.dir.join(SIGNATURE_NAME).exists() {
        writeln!(out, "signature  not checked; give --public-key FILE")?;
    }
    let mut differences = Differences::default();
    files(&args.dir, &manifest, &mut differences)?;
    let of_files = differences.count;
    let store = Store::open_read_only(&args.baseline)?;
    let words = Vocabulary::new();
    let baseline = store.load(&words)?;
    let mut expected = BTreeSet::new();
    for file in review_files(&baseline, &words, &rule) {
        match manifest.0.get(&file.path) {
            None => differences.add(format!("only in the baseline  {}", file.path)),
            Some(told) if *told != digest(file.text.as_bytes()) => {
                differences.add(format!("reviewed otherwise    {}", file.path));
            }
            Some(_) => {}
        }
        expected.insert(file.path);
    }
    for path in manifest.0.keys().filter(|path| !expected.contains(*path)) {
        differences.add(format!("only in the folder    {path}"));
    }
    let word = |count: usize| if count == 0 { "holds" } else { "does not hold" };
    writeln!(
        out,
        "manifest   {}: {} {}",
        word(of_files),
        manifest.0.len(),
        if manifest.0.len() == 1 {
            "file"
        } else {
            "files"
        }
    )?;
    writeln!(
        out,
        "baseline   {}",
        if differences.count == of_files {
            "is what the folder says"
        } else {
            "is not what the folder says"
        }
    )?;
    for text in &differences.shown {
        writeln!(out, "  {text}")?;
    }
    if differences.count > differences.shown.len() {
        let more = differences.count - differences.shown.len();
        writeln!(out, "  and {more} more")?;
    }
    out.finish()?;
    Ok(if differences.count == 0 {
        Outcome::Done
    } else {
        Outcome::Reached
    })
}

/// Verifies the signature of the manifest.
fn signature(dir: &Path, key: &Path) -> anyhow::Result<()> {
    let read = |path: &Path, what: &str| {
        fs::read_to_string(path).with_context(|| format!("read {what} {path:?}"))
    };
    let text = read(key, "public key")?;
    // minisign writes a comment before the key; a bare key is taken too.
    let key = PublicKey::decode(text.trim())
        .or_else(|_| PublicKey::from_base64(text.trim()))
        .map_err(|error| {
            anyhow::anyhow!("read public key {key:?}: {error}; name the .pub file of minisign")
        })?;
    let path = dir.join(SIGNATURE_NAME);
    let text = read(&path, "signature").with_context(|| {
        format!("sign the reviewed folder with `minisign -S -m {MANIFEST_NAME}`")
    })?;
    let signature = Signature::decode(&text)
        .map_err(|error| anyhow::anyhow!("read signature {path:?}: {error}; sign again"))?;
    let manifest = dir.join(MANIFEST_NAME);
    let bytes = fs::read(&manifest).with_context(|| format!("read {manifest:?}"))?;
    key.verify(&bytes, &signature, false).map_err(|error| {
        anyhow::anyhow!(
            "check {manifest:?}: the signature does not hold ({error}); the manifest was changed after it was signed, or signed by another key"
        )
    })
}

/// Holds the files of a folder against its manifest.
fn files(dir: &Path, manifest: &Manifest, differences: &mut Differences) -> anyhow::Result<()> {
    for (path, told) in &manifest.0 {
        match fs::read(dir.join(path)) {
            Ok(bytes) if digest(&bytes) == *told => {}
            Ok(_) => differences.add(format!("changed               {path}")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                differences.add(format!("missing               {path}"));
            }
            Err(error) => {
                return Err(error).with_context(|| format!("read {:?}", dir.join(path)));
            }
        }
    }
    // What an import would read although nobody signed it.
    let found = principal_files(dir).with_context(|| format!("read {dir:?}"))?;
    for path in found {
        let within = path.strip_prefix(dir).unwrap_or(&path);
        let within = within.to_string_lossy().replace('\\', "/");
        if !manifest.0.contains_key(&within) {
            let shown = offtrail_report::inert(&within).into_owned();
            differences.add(format!("not in the manifest   {shown}"));
        }
    }
    Ok(())
}
