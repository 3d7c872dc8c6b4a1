//! Tests that reach AWS's protocols through the environment, as a user's shell would.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::process::Command;

#[allow(unused_imports, reason = "each test program uses a part of it")]
pub(crate) use offtrail_moto::{Moto, arn};

/// Runs `body` in a process of its own that has credentials in its environment and no other AWS configuration, as a user's shell would:
/// a test must not change the environment of the process it shares with other tests.
pub(crate) fn with_credentials(name: &str, body: fn()) {
    if std::env::var_os("OFFTRAIL_S3_TEST").is_some() {
        return body();
    }
    let status = isolated(name)
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .status()
        .unwrap();
    assert!(status.success(), "{name} failed in its own process");
}

/// This test program again, for one test, without any AWS configuration.
pub(crate) fn isolated(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (variable, _) in
        std::env::vars_os().filter(|(variable, _)| variable.to_string_lossy().starts_with("AWS_"))
    {
        command.env_remove(variable);
    }
    command
        .args([name, "--exact", "--nocapture"])
        .env("OFFTRAIL_S3_TEST", "1")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}
