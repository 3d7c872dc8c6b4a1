//! A webhook: one POST a state, signed, one after the other.
//!
//! Signed as Slack and Stripe do: HMAC-SHA256 over the time and the body, so that a request that was overheard can't be sent again later. What is
//! refused for good is only what an answer says about this body (400, 413, 422); a wrong address or a missing right is ours to put right, and the
//! states wait for that. Redirects are not followed: a signed finding goes where it was sent and nowhere else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use chrono::DateTime;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use sha2::Sha256;
use tokio::runtime::Runtime;

use crate::outlet::{Answer, Outlet, OutletError, Shape, chat, one_line, runtime, said};
use crate::settings::{ANSWER_BYTES_MAX, Secret, Settings};
use crate::target::Body;
use crate::told::Told;

/// How we present ourselves.
const AGENT: &str = concat!("offtrail/", env!("CARGO_PKG_VERSION"));
/// Connections unused for so long are closed before the other side does it in the middle of a request.
const IDLE: Duration = Duration::from_secs(20);

/// An HTTP endpoint.
pub(crate) struct Webhook {
    runtime: Runtime,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    body: Body,
    secret: Option<Secret>,
    timeout: Duration,
    retry_after_max: Duration,
}

impl Webhook {
    /// Gets the client ready.
    ///
    /// # Errors
    /// No certificates to trust, for `https`; no threads.
    pub(crate) fn new(url: &str, body: Body, settings: &Settings) -> Result<Self, OutletError> {
        let uri: Uri = url.parse().expect("a target's URL was parsed before");
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(uri.scheme_str() == Some("https"))?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Ok(Self {
            runtime: runtime()?,
            client,
            uri,
            body,
            secret: settings.webhook_secret.clone(),
            timeout: settings.timeout,
            retry_after_max: settings.retry_after_max,
        })
    }

    fn request(&self, state: &Told, now: Duration) -> Result<Request<Full<Bytes>>, String> {
        let body = match self.body {
            Body::Generic => state.line.to_string(),
            Body::Chat => chat::body(state),
        };
        let key = HeaderValue::from_str(&state.key)
            .map_err(|_| "its key can't stand in a header".to_owned())?;
        let mut request = Request::post(self.uri.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, AGENT)
            .header("idempotency-key", key);
        if let Some(secret) = &self.secret {
            let timestamp = now.as_secs().to_string();
            request = request
                .header("x-offtrail-signature", sign(secret, &timestamp, &body))
                .header("x-offtrail-timestamp", timestamp);
        }
        request.body(Full::from(body)).map_err(|error| said(&error))
    }

    async fn send(&self, request: Request<Full<Bytes>>, now: Duration) -> Answer {
        match self.client.request(request).await {
            Ok(response) => answer(response, now, self.retry_after_max).await,
            Err(error) => Answer::later(said(&error)),
        }
    }
}

impl Outlet for Webhook {
    fn shape(&self) -> Shape {
        Shape::SINGLE
    }

    fn attempt(&mut self, states: &[&Told]) -> Vec<Answer> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let one = |state: &&Told| {
            let request = match self.request(state, now) {
                Ok(request) => request,
                Err(why) => return Answer::Refused(why),
            };
            let sent = async { tokio::time::timeout(self.timeout, self.send(request, now)).await };
            self.runtime
                .block_on(sent)
                .unwrap_or_else(|_| Answer::later(format!("no answer within {:?}", self.timeout)))
        };
        states.iter().map(one).collect()
    }
}

/// Trust in the system's certificates; in none where nothing is encrypted, so that a machine without them can still speak to its neighbour.
fn tls(encrypted: bool) -> Result<ClientConfig, OutletError> {
    let fail = |error: &dyn std::error::Error| OutletError::Certificates(said(error));
    let provider = rustls::crypto::ring::default_provider();
    let builder = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(|error| fail(&error))?;
    let builder = if encrypted {
        builder.with_native_roots().map_err(|error| fail(&error))?
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    Ok(builder.with_no_client_auth())
}

/// `v1=` and the HMAC-SHA256, in hex, over the timestamp, a dot and the body.
fn sign(secret: &Secret, timestamp: &str, body: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.bytes()).expect("an HMAC takes a key of any length");
    for part in [timestamp, ".", body] {
        mac.update(part.as_bytes());
    }
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    format!("v1={hex}")
}

async fn answer(response: Response<Incoming>, now: Duration, after_max: Duration) -> Answer {
    let (head, body) = response.into_parts();
    // Read to its end the connection serves again; what it says is for people.
    let said = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    if head.status.is_success() {
        return Answer::Taken;
    }
    let said = said.map(|body| body.to_bytes()).unwrap_or_default();
    let said = one_line(String::from_utf8_lossy(&said).trim());
    let why = format!("HTTP {}", head.status.as_u16());
    let why = match said.is_empty() {
        true => why,
        false => format!("{why}: {said}"),
    };
    match head.status {
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNPROCESSABLE_ENTITY => Answer::Refused(why),
        _ => Answer::Later {
            why,
            after: retry_after(&head.headers, now).map(|after| after.min(after_max)),
        },
    }
}

/// `Retry-After` as seconds or as a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: Duration) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?.timestamp();
    let date = Duration::from_secs(date.try_into().ok()?);
    Some(date.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_signature_is_the_one_others_compute() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac hunter2
        let secret = Secret::new("hunter2").unwrap();
        assert_eq!(
            sign(&secret, "1700000000", r#"{"a":1}"#),
            "v1=56b25cbf563812b38800e5f4dd1febfde087d36841155e70b3aa285517e1570a"
        );
    }

    #[test]
    fn a_receiver_names_its_wait() {
        let check = |text: &str, expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            let got = retry_after(&headers, Duration::from_secs(784_111_700));
            assert_eq!(got, expected.map(Duration::from_secs), "{text}");
        };
        check("120", Some(120));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(77));
        check("Sun, 06 Nov 1993 08:49:37 GMT", None);
        check("Sat, 06 Nov 1993 08:49:37 GMT", Some(0));
        check("soon", None);
        check("-5", None);
    }
}
