//! The image as it is deployed: how big, as whom it runs, what it may do and may not, and that commands work within these bounds.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests are an edge: they run containers"
)]

use std::fs;

use offtrail_tests::container::{Image, STATE};
use serde_json::json;

/// What the issue of its deployment allows.
const IMAGE_BYTES_MAX: u64 = 40_000_000;

#[test]
fn the_image_is_small_and_runs_as_nobody() {
    let Some(image) = Image::built() else { return };
    let image = image.inspect();
    let bytes = image["Size"].as_u64().unwrap();
    assert!(bytes <= IMAGE_BYTES_MAX, "{bytes} bytes");
    assert_eq!(image["Config"]["User"], "65532:65532");
    assert_eq!(image["Config"]["Entrypoint"], json!(["/usr/bin/offtrail"]));
    assert_eq!(image["Config"]["Volumes"], json!({STATE: {}}));
    assert_eq!(image["Config"]["WorkingDir"], STATE);
    assert_eq!(image["Config"]["ExposedPorts"], json!({"9464/tcp": {}}));
    // Nothing of the machine that built it, and one layer: nothing lies below.
    assert_eq!(image["RootFS"]["Layers"].as_array().unwrap().len(), 1);
    assert_eq!(image["Config"]["Labels"]["io.buildah.version"], json!(null));
}

#[test]
fn there_is_no_shell_and_no_other_program() {
    let Some(image) = Image::built() else { return };
    let folder = tempfile::tempdir().unwrap();
    for program in ["/bin/sh", "sh", "/usr/bin/env"] {
        let ran = image
            .command(folder.path())
            .option(&format!("--entrypoint={program}"))
            .run(&["-c", "true"]);
        assert_eq!(ran.code, Some(127), "{ran:#?}");
    }
}

#[test]
fn only_the_volume_can_be_written_to_and_no_capability_is_left() {
    let Some(image) = Image::built() else { return };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    let contained = image.command(&state);
    for outside in ["/usr/share/doc/offtrail/x", "/tmp/x", "/x"] {
        contained
            .run(&[
                "simulate", "--out", outside, "--scale", "demo", "--days", "16",
            ])
            .fails_saying(&[outside]);
    }
    let _ = contained
        .run(&[
            "simulate", "--out", "archive", "--scale", "demo", "--days", "16", "-q",
        ])
        .expect(0);
    assert!(state.join("archive/AWSLogs").is_dir());

    // The kernel's own word on a process that is at work.
    let mut running = contained.start(&["demo"], &folder.path().join("log"));
    let status = running.status();
    let line = |name: &str| {
        let found = status.lines().find_map(|line| line.strip_prefix(name));
        found
            .map(str::trim)
            .unwrap_or_else(|| panic!("no {name}: {status}"))
    };
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(line(set), "0000000000000000", "{set}");
    }
    assert_eq!(line("NoNewPrivs:"), "1");
    assert_eq!(line("Uid:"), "65532\t65532\t65532\t65532");
    assert_eq!(line("Gid:"), "65532\t65532\t65532\t65532");
}

#[test]
fn commands_work_within_these_bounds() {
    let Some(image) = Image::built() else { return };
    let folder = tempfile::tempdir().unwrap();
    let contained = image.command(folder.path());
    let version = contained.run(&["--version"]).expect(0);
    assert_eq!(
        version.stdout,
        concat!("offtrail ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let demo = contained.run(&["demo"]).expect(0);
    assert!(demo.stdout.contains("iam:ListAccessKeys"), "{demo:#?}");
    let kept = fs::read_dir(folder.path().join("offtrail-demo")).unwrap();
    assert!(kept.count() > 3);
}

#[test]
fn certificates_are_there() {
    let Some(image) = Image::built() else { return };
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens on this port: what is told is the refused connection, not that no root can be found, which is found out first.
    let ran = image
        .command(folder.path())
        .env("AWS_ENDPOINT_URL", "https://127.0.0.1:1")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .env("AWS_MAX_ATTEMPTS", "1")
        .run(&["backfill", "s3://bucket/AWSLogs/", "--baseline", "b.db"])
        .expect(2);
    assert!(!ran.stderr.contains("root certificates"), "{ran:#?}");
    assert!(ran.stderr.contains("s3://bucket"), "{ran:#?}");
}
