//! One receiver, its queue and its thread, as the caller sees them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_config::SdkConfig;

use crate::outlet::{self, OutletError};
use crate::pump;
use crate::queue::Queue;
use crate::settings::Settings;
use crate::target::Target;
use crate::told::Told;

/// A receiver of findings. Dropping it makes the thread end after the attempt it is in; [`Sink::stop`] lets it finish.
pub struct Sink {
    name: String,
    queue: Arc<Queue>,
}

/// A sink that can't start.
#[derive(Debug, thiserror::Error)]
#[error("open the sink `{sink}`: {why}")]
pub struct SinkError {
    sink: String,
    #[source]
    why: OutletError,
}

/// How a sink is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// States its receiver took.
    pub delivered: u64,
    /// Attempts that will be repeated, one a state.
    pub retries: u64,
    /// States its receiver refused for good.
    pub refused: u64,
    /// States that wait, those being delivered among them.
    pub waiting: usize,
    /// Since when its attempts fail; `None` while they succeed.
    pub failing_since: Option<Instant>,
    /// What went wrong last, also after it has gone right again.
    pub last_error: Option<String>,
    /// Whether its thread has ended, which it does when stopped, or through a defect that `last_error` tells.
    pub ended: bool,
}

impl Sink {
    /// Opens a sink and starts its thread. Files are opened here; nothing is asked of the network yet.
    ///
    /// `aws` is how to reach SNS, SQS and S3: credentials, region, endpoint and an HTTP client; its retries are not used. `wake` is called
    /// from the sink's thread whenever [`Sink::taken`] has moved.
    ///
    /// # Errors
    /// The file can't be opened or holds something else than JSON Lines; AWS is named without its configuration; the machine has no
    /// certificates to trust, or no thread to give.
    pub fn start(
        target: Target,
        settings: Settings,
        aws: Option<SdkConfig>,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> Result<Self, SinkError> {
        let name = target.to_string();
        let fail = |why| SinkError {
            sink: name.clone(),
            why,
        };
        let outlet = outlet::open(target, &settings, aws.as_ref()).map_err(fail)?;
        let queue = Arc::new(Queue::new(&settings));
        pump::start(outlet, Arc::clone(&queue), &settings, wake)
            .map_err(|error| fail(OutletError::Threads(error)))?;
        Ok(Self { name, queue })
    }

    /// The target as it may be shown, without secrets; the same text for the same target, another for another.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many more states it takes now.
    pub fn room(&self) -> usize {
        self.queue.room()
    }

    /// Gives it a state to deliver. Each has a higher `seq` than the one before.
    ///
    /// # Errors
    /// There is no room: the state comes back.
    #[expect(
        clippy::result_large_err,
        reason = "the state itself comes back; it is moved once a finding"
    )]
    pub fn offer(&self, told: Told) -> Result<(), Told> {
        self.queue.offer(told)
    }

    /// Everything offered up to this `seq` is delivered, or refused for good. Who asks for both asks for this first: what
    /// [`Sink::take_refused`] then gives holds every refusal up to here.
    pub fn taken(&self) -> Option<i64> {
        self.queue.taken()
    }

    /// The states that the receiver refused for good since the last call, each with its reason. Until collected they take up room.
    pub fn take_refused(&self) -> Vec<(i64, String)> {
        self.queue.take_refused()
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        self.queue.status()
    }

    /// Takes nothing more in, tries what waits once more at once, finishes what it can within that time, and gives [`Sink::taken`]. An
    /// attempt still under way then is not waited for: its state may arrive without being counted, and again later, under the same key.
    pub fn stop(self, within: Duration) -> Option<i64> {
        let by = Instant::now() + within;
        self.queue.stop(by);
        self.queue.wait_for_end(by);
        self.queue.taken()
    }

    /// As [`Sink::stop`], with what [`Sink::take_refused`] would give afterwards: for whoever keeps the states that were refused.
    pub fn stop_and_collect(self, within: Duration) -> (Option<i64>, Vec<(i64, String)>) {
        let queue = Arc::clone(&self.queue);
        let taken = self.stop(within);
        (taken, queue.take_refused())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.queue.stop(Instant::now());
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("name", &self.name)
            .field("status", &self.status())
            .finish()
    }
}
