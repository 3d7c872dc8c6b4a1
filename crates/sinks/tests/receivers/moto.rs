//! SNS, SQS and S3 on this machine.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Builder as HttpBuilder;
use offtrail_moto::{KEY, REGION, SECRET};

pub(crate) use offtrail_moto::Moto;

/// How to reach an AWS that listens on this port.
pub(crate) fn config(port: u16) -> SdkConfig {
    let keys = Credentials::new(KEY, SECRET, None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .http_client(HttpBuilder::new().build_http())
        .build()
}
