//! Copies of the baseline in S3 on a schedule: a snapshot is taken beside the file, put, and removed.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use offtrail_store::Store;
use tokio::runtime::Runtime;

use crate::{
    commands::stream::Arguments,
    stream::copy::{BaselineCopy, CopySettings, Start},
};

/// How often the thread looks whether it is time, or over.
const LOOK: Duration = Duration::from_millis(200);

/// Puts copies.
pub(crate) struct Copies {
    runtime: Runtime,
    copy: BaselineCopy,
    every: Duration,
    baseline: PathBuf,
}

impl Copies {
    /// `None` where no copy is asked for.
    ///
    /// # Errors
    /// The place is none.
    pub(crate) fn open(args: &Arguments) -> anyhow::Result<Option<Self>> {
        let Some(url) = &args.keeping.copy_to else {
            return Ok(None);
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("copy")
            .enable_all()
            .build()
            .context("start the thread that copies the baseline")?;
        let s3 = args.s3.settings();
        let aws = runtime.block_on(offtrail_sources::aws_config(&s3));
        let settings = CopySettings {
            kms_key: args.keeping.copy_kms_key.clone(),
            path_style: s3.path_style.unwrap_or(s3.endpoint.is_some()),
        };
        Ok(Some(Self {
            copy: BaselineCopy::new(url, &aws, settings)?,
            runtime,
            every: args.keeping.copy_every,
            baseline: args.baseline.clone(),
        }))
    }

    /// Takes the copy where there is no baseline on the disk.
    ///
    /// # Errors
    /// S3 or the disk refuses; a stream that began without its history would tell everything anew.
    pub(crate) fn start_from(&self, baseline: &Path) -> anyhow::Result<()> {
        if let Start::Taken(copied) = self.runtime.block_on(self.copy.get_if_absent(baseline))? {
            tracing::info!(
                bytes = copied.bytes,
                "started from the copy of the baseline"
            );
        }
        Ok(())
    }

    /// Puts copies until it is over; then one more, of how things ended.
    pub(crate) fn run(&self, over: &AtomicBool) {
        let mut last = Instant::now();
        while !over.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
            if last.elapsed() >= self.every {
                self.put();
                last = Instant::now();
            }
        }
        self.put();
    }

    fn put(&self) {
        match self.snapshot() {
            Ok(copied) => tracing::info!(bytes = copied, "the baseline is copied"),
            Err(error) => tracing::error!("the baseline is not copied: {error:#}"),
        }
    }

    fn snapshot(&self) -> anyhow::Result<u64> {
        let mut name = self.baseline.clone().into_os_string();
        name.push("-copy");
        let beside = PathBuf::from(name);
        // What an earlier process left behind half-written.
        let _ = std::fs::remove_file(&beside);
        Store::open_read_only(&self.baseline)?.copy_to(&beside)?;
        let put = self.runtime.block_on(self.copy.put(&beside));
        std::fs::remove_file(&beside).with_context(|| format!("remove {beside:?}"))?;
        Ok(put?.bytes)
    }
}
