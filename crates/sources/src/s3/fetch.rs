//! Gets one object whole, with a cap on its bytes.
//!
//! The SDK repeats requests that fail before the body; a body that breaks off is asked for again here. Every answer that says "slow down" is
//! told to the caller at once, also those that the SDK goes on to repeat.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ConnectorError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStreamError;
use aws_sdk_s3::types::RequestPayer;

use crate::item::shown;
use crate::reader::ReadError;
use crate::s3::{Clients, S3Error};

/// The wait before a broken body is asked for again; doubled each time.
const BACK_OFF: Duration = Duration::from_millis(100);

/// How to get one object.
pub(crate) struct Fetch {
    pub(crate) clients: Arc<Clients>,
    pub(crate) object_bytes_max: u64,
    /// Called whenever S3 says "slow down", or does not answer in time.
    pub(crate) on_throttle: Arc<dyn Fn() + Send + Sync>,
}

/// Gets `s3://bucket/key`.
pub(crate) async fn fetch(how: &Fetch, bucket: &str, key: &str) -> Result<Vec<u8>, ReadError> {
    let doing = || format!("read s3://{bucket}/{}", shown(key));
    let settings = &how.clients.settings;
    let mut client = how.clients.client(bucket);
    let mut wait = BACK_OFF;
    let mut attempt = 1;
    loop {
        let answer = client
            .get_object()
            .bucket(bucket)
            .key(key)
            .set_request_payer(settings.requester_pays.then_some(RequestPayer::Requester))
            .customize()
            .interceptor(ThrottleWatch(Arc::clone(&how.on_throttle)))
            .send()
            .await
            .map_err(|error| S3Error::from_sdk(doing(), &error));
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => match error
                .region()
                .and_then(|region| how.clients.follow(bucket, &client, region))
            {
                Some(there) if attempt == 1 => {
                    client = there;
                    attempt += 1;
                    continue;
                }
                _ => return Err(error.into()),
            },
        };
        match body(answer, how.object_bytes_max).await {
            Ok(Some(bytes)) => return Ok(bytes),
            Ok(None) => {
                return Err(ReadError::too_large(
                    doing(),
                    how.object_bytes_max,
                    "object_bytes_max",
                ));
            }
            Err(error) if attempt >= settings.attempts_max => {
                return Err(S3Error::broken(doing(), &error).into());
            }
            Err(_) => tokio::time::sleep(wait).await,
        }
        attempt += 1;
        wait = wait.saturating_mul(2);
    }
}

/// The body's bytes, or `None` when there are more than `bytes_max`.
async fn body(answer: GetObjectOutput, bytes_max: u64) -> Result<Option<Vec<u8>>, ByteStreamError> {
    let told = answer
        .content_length
        .and_then(|length| u64::try_from(length).ok())
        .unwrap_or(0);
    if told > bytes_max {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(told).unwrap_or(0));
    let mut stream = answer.body;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if (bytes.len() + chunk.len()) as u64 > bytes_max {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

/// Watches each attempt of a request for S3's "slow down" (503 or 429), and for time-outs.
struct ThrottleWatch(Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for ThrottleWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ThrottleWatch")
    }
}

impl Intercept for ThrottleWatch {
    fn name(&self) -> &'static str {
        "ThrottleWatch"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let refused = |response: &HttpResponse| matches!(response.status().as_u16(), 429 | 503);
        let late = || {
            let failed = context.output_or_error().and_then(Result::err);
            failed.is_some_and(|error| {
                error.is_timeout_error()
                    || error
                        .as_connector_error()
                        .is_some_and(ConnectorError::is_timeout)
            })
        };
        if context.response().map_or_else(late, refused) {
            (self.0)();
        }
        Ok(())
    }
}
