//! Reaching S3: configuration as the AWS CLI finds it, rustls on ring, back-off by the SDK, and each bucket asked in its own region.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::{RetryConfig, RetryPartition, TokenBucket};
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use tokio::runtime::Runtime;

use crate::listing::{ListError, Listing};
use crate::range::DeliveryRange;
use crate::s3::S3Error;
use crate::s3::list;
use crate::settings::{Role, S3Settings};

/// Threads that drive the requests: TLS is their only real work.
const THREADS: usize = 2;
/// The region asked when nothing names one.
const REGION_DEFAULT: &str = "us-east-1";

/// S3 as one run sees it: the threads, and the clients that run on them.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) runtime: Runtime,
    /// Apart from the runtime, for the tasks to share: the runtime must not be dropped by one of its own tasks.
    pub(crate) clients: Arc<Clients>,
}

/// One client per bucket's region.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) settings: S3Settings,
    config: SdkConfig,
    home: Client,
    /// How many objects the last reader found that it may fetch at once; 0 before the first.
    pub(crate) allowed: AtomicUsize,
    /// Clients of buckets that turned out to lie in another region than asked.
    moved: Mutex<BTreeMap<String, Client>>,
}

impl Store {
    /// Reads the configuration; asks nothing of S3 yet.
    ///
    /// # Errors
    /// The machine can't start threads.
    pub(crate) fn open(settings: S3Settings) -> Result<Self, S3Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("s3")
            .enable_all()
            .build()
            .map_err(|error| S3Error::setup(&error))?;
        let config = runtime.block_on(aws_config(&settings));
        let home = client(&config, &settings);
        Ok(Self {
            runtime,
            clients: Arc::new(Clients {
                settings,
                config,
                home,
                allowed: AtomicUsize::new(0),
                moved: Mutex::default(),
            }),
        })
    }

    /// The objects of a bucket under a prefix.
    pub(crate) fn list(
        &self,
        bucket: &str,
        prefix: &str,
        range: DeliveryRange,
    ) -> Result<Listing, ListError> {
        self.runtime
            .block_on(list::list(&self.clients, bucket, prefix, range))
    }
}

impl Clients {
    /// The configuration behind all clients.
    pub(crate) fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The client for a bucket, in its region as far as known.
    pub(crate) fn client(&self, bucket: &str) -> Client {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.get(bucket).unwrap_or(&self.home).clone()
    }

    /// The client for a bucket that, asked through `asked`, said it lies in `region`; `None` when that is where it was asked.
    pub(crate) fn follow(&self, bucket: &str, asked: &Client, region: &str) -> Option<Client> {
        if asked
            .config()
            .region()
            .is_some_and(|asked| asked.as_ref() == region)
        {
            return None;
        }
        let config = self
            .config
            .to_builder()
            .region(Region::new(region.to_owned()))
            .build();
        let client = client(&config, &self.settings);
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        moved.insert(bucket.to_owned(), client.clone());
        Some(client)
    }
}

/// The AWS configuration these settings lead to: credentials, region, endpoint, and HTTPS by rustls on ring. For clients of other services;
/// connections belong to the runtime that made them, so each runtime loads its own.
pub async fn aws_config(settings: &S3Settings) -> SdkConfig {
    let http = HttpBuilder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.read_timeout)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(settings.attempts_max.max(1)));
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &settings.profile {
        loader = loader.profile_name(profile);
    }
    if settings.anonymous {
        loader = loader.no_credentials();
    }
    let config = loader.load().await;
    let config = match config.region() {
        Some(_) => config,
        None => config
            .into_builder()
            .region(Region::new(REGION_DEFAULT))
            .build(),
    };
    match &settings.role {
        Some(role) if !settings.anonymous => with_role(config, role).await,
        _ => config,
    }
}

/// The same configuration with the role's credentials instead of those found: the SDK asks for them when they are first needed, and again before they end.
async fn with_role(config: SdkConfig, role: &Role) -> SdkConfig {
    let mut provider = AssumeRoleProvider::builder(&role.arn)
        .session_name(&role.session_name)
        .configure(&config);
    if let Some(external_id) = &role.external_id {
        provider = provider.external_id(external_id);
    }
    let provider = provider.build().await;
    config
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .build()
}

fn client(config: &SdkConfig, settings: &S3Settings) -> Client {
    let endpoint = config
        .endpoint_url()
        .map(str::to_owned)
        .or_else(|| std::env::var("AWS_ENDPOINT_URL_S3").ok());
    let path_style = settings
        .path_style
        .unwrap_or_else(|| endpoint.as_deref().is_some_and(is_local));
    // The SDK lends a client 500 retry tokens in all, which a long throttled archive would use up; attempts per request are the limit here.
    let retries = RetryPartition::custom("offtrail")
        .token_bucket(TokenBucket::unlimited())
        .build();
    let config = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(path_style)
        .retry_partition(retries);
    Client::from_conf(config.build())
}

/// Whether an endpoint can't carry a bucket in its host name: an IP address, or this machine.
fn is_local(endpoint: &str) -> bool {
    let rest = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or(v6),
        None => authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host),
    };
    host.parse::<IpAddr>().is_ok() || host.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn endpoints_without_room_for_a_bucket_are_known() {
        for (endpoint, expected) in [
            ("http://127.0.0.1:5000", true),
            ("http://[::1]:5000/", true),
            ("https://localhost", true),
            ("http://LOCALHOST:9000/x", true),
            ("https://s3.eu-west-1.amazonaws.com", false),
            ("https://store.example.org:9000", false),
            ("", false),
        ] {
            assert_eq!(is_local(endpoint), expected, "{endpoint}");
        }
    }
}
