# Short names for what the scripts do. `just` comes with `scripts/install just`; every recipe works without it as well.

# List the recipes.
default:
    @just --list

# Install what is missing and run all tests; arguments go to nextest.
test *arguments:
    scripts/test {{arguments}}

# Everything CI runs.
ci:
    bash .ci/run

# From nothing to the CI user's ListAccessKeys finding.
demo *arguments:
    cargo run --release -p offtrail -- demo {{arguments}}

# Format the workspace.
fmt:
    cargo fmt --all

# Lints, as CI sees them.
clippy:
    scripts/check clippy

# The API documentation, as CI sees it.
docs:
    scripts/check docs

# Licences, bans, sources, and known vulnerabilities where their database can be reached.
deny:
    scripts/check deny

# Score detection on labelled archives; see scripts/score --help.
score *arguments:
    scripts/score {{arguments}}

# Speed and memory on one archive; see scripts/bench --help.
bench *arguments:
    scripts/bench {{arguments}}

# What S3 costs beside local files, over loopback; see scripts/bench-s3 --help.
bench-s3 *arguments:
    scripts/bench-s3 {{arguments}}

# What each part of the score is worth; see scripts/ablation --help.
ablation *arguments:
    scripts/ablation {{arguments}}

# How well the calibrated threshold keeps its budget; see scripts/calibration --help.
calibration *arguments:
    scripts/calibration {{arguments}}

# The container's image; see scripts/image.
image *arguments:
    scripts/image {{arguments}}
