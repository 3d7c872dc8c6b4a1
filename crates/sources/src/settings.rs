//! Every limit of reading, named, with its default; listed for users in `docs/sources.md`.

use std::time::Duration;

use crate::layout::DAY_SECS;

/// S3 objects being fetched at once to begin with. Good answers raise it, up to [`IN_FLIGHT_MAX`]; throttling and time-outs lower it.
pub const IN_FLIGHT: usize = 64;
/// S3 objects being fetched at once, at most.
pub const IN_FLIGHT_MAX: usize = 512;
/// Bytes of S3 objects fetched or being fetched and not yet handed out, at most (128 MiB). A larger object is fetched alone.
pub const IN_FLIGHT_BYTES_MAX: u64 = 128 << 20;
/// Bytes of one file or object as it lies there, at most (512 MiB).
pub const OBJECT_BYTES_MAX: u64 = 512 << 20;
/// Bytes of standard input, or of a pipe named as a path, at most (1 GiB).
pub const STDIN_BYTES_MAX: u64 = 1 << 30;
/// How much later than an event its file may be delivered: one day. AWS promises minutes; hours happen.
pub const LATENESS_SECS_MAX: u64 = DAY_SECS as u64;
/// Listing requests under way at once, at most.
pub const LIST_IN_FLIGHT_MAX: usize = 32;
/// Keys asked for per listing request; S3 itself gives 1,000 at most.
pub const LIST_PAGE_SIZE: i32 = 1_000;
/// Folders above `AWSLogs/` listed side by side, at most; where there are more, they are listed in one plain run.
pub const FANOUT_MAX: usize = 64;
/// Attempts of one S3 request, the first included, with the SDK's exponential back-off between them.
pub const ATTEMPTS_MAX: u32 = 6;
/// How long a connection to the endpoint may take to open.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the endpoint may take to begin its answer.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How to read: limits, and how to reach S3.
#[derive(Debug, Clone)]
pub struct Settings {
    /// See [`IN_FLIGHT`]. Zero counts as one.
    pub in_flight: usize,
    /// See [`IN_FLIGHT_MAX`]. Less than `in_flight` counts as that.
    pub in_flight_max: usize,
    /// See [`IN_FLIGHT_BYTES_MAX`].
    pub in_flight_bytes_max: u64,
    /// See [`OBJECT_BYTES_MAX`].
    pub object_bytes_max: u64,
    /// See [`STDIN_BYTES_MAX`].
    pub stdin_bytes_max: u64,
    /// See [`LATENESS_SECS_MAX`]; seconds.
    pub lateness_secs_max: u64,
    /// How to reach S3.
    pub s3: S3Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            in_flight: IN_FLIGHT,
            in_flight_max: IN_FLIGHT_MAX,
            in_flight_bytes_max: IN_FLIGHT_BYTES_MAX,
            object_bytes_max: OBJECT_BYTES_MAX,
            stdin_bytes_max: STDIN_BYTES_MAX,
            lateness_secs_max: LATENESS_SECS_MAX,
            s3: S3Settings::default(),
        }
    }
}

/// How to reach S3. What is `None` comes from the environment, the AWS profile or the machine's role, as in the AWS CLI.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// The endpoint's URL, for S3-compatible stores and tests; `None`: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, the profile, AWS.
    pub endpoint: Option<String>,
    /// The first region to ask; `None`: environment, profile, machine, then us-east-1. A bucket elsewhere is followed there.
    pub region: Option<String>,
    /// The profile of `~/.aws/config`; `None`: `AWS_PROFILE`, then `default`.
    pub profile: Option<String>,
    /// Bucket in the path instead of the host name; `None`: only for an endpoint that is an IP address or `localhost`.
    pub path_style: Option<bool>,
    /// A role to take on first, with the credentials found: that of the account in which the logs lie.
    pub role: Option<Role>,
    /// Ask unsigned, for public buckets: no credentials are looked for.
    pub anonymous: bool,
    /// Agree to pay for requests to a requester-pays bucket.
    pub requester_pays: bool,
    /// See [`ATTEMPTS_MAX`]. Zero counts as one.
    pub attempts_max: u32,
    /// See [`LIST_IN_FLIGHT_MAX`]. Zero counts as one.
    pub list_in_flight_max: usize,
    /// See [`LIST_PAGE_SIZE`].
    pub list_page_size: i32,
    /// See [`FANOUT_MAX`].
    pub fanout_max: usize,
    /// See [`CONNECT_TIMEOUT`].
    pub connect_timeout: Duration,
    /// See [`READ_TIMEOUT`].
    pub read_timeout: Duration,
}

/// A role to take on through STS. Its credentials are renewed before they end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `arn:aws:iam::111122223333:role/name`.
    pub arn: String,
    /// What the role's trust policy may ask for, where it lies in somebody else's account.
    pub external_id: Option<String>,
    /// What the log-archive account's own trail shows who it was.
    pub session_name: String,
}

impl Default for S3Settings {
    fn default() -> Self {
        Self {
            endpoint: None,
            region: None,
            profile: None,
            path_style: None,
            role: None,
            anonymous: false,
            requester_pays: false,
            attempts_max: ATTEMPTS_MAX,
            list_in_flight_max: LIST_IN_FLIGHT_MAX,
            list_page_size: LIST_PAGE_SIZE,
            fanout_max: FANOUT_MAX,
            connect_timeout: CONNECT_TIMEOUT,
            read_timeout: READ_TIMEOUT,
        }
    }
}
