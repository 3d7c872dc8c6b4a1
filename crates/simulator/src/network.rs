//! Where calls come from: addresses by kind of network, and the user agents of tools as they age.
//!
//! Blocks are plausible /16 prefixes of invented tenants, not a statement about anybody's network.

use crate::chance::Chance;

/// Home lines of people.
pub(crate) const HOMES: &[&str] = &[
    "24.61", "67.180", "71.204", "81.107", "82.13", "83.84", "84.115", "86.27", "88.130", "90.191",
    "92.40", "93.217", "99.132", "109.42", "178.82", "188.23",
];
/// Phones and trains.
pub(crate) const MOBILE: &[&str] = &["172.58", "80.187", "92.184", "106.197"];
/// Hotels and fairs, for journeys.
pub(crate) const AWAY: &[&str] = &["62.231", "77.75", "103.28", "190.85", "196.11", "212.98"];
/// Rented servers.
pub(crate) const HOSTING: &[&str] = &[
    "45.77", "64.227", "94.131", "138.68", "159.203", "164.92", "176.123", "194.87",
];
/// Anonymising VPNs.
pub(crate) const VPN: &[&str] = &["91.193", "141.98", "149.88", "156.146", "193.138"];
/// Onion exits.
pub(crate) const TOR: &[&str] = &["185.220", "192.42", "199.195"];
/// Hosted runners of code hosts: a wide range that changes with every run.
pub(crate) const RUNNERS: &[&str] = &[
    "4.175", "4.236", "13.71", "13.89", "20.25", "20.55", "20.97", "20.161", "20.190", "40.76",
    "40.112", "52.154", "52.176", "57.151", "68.220", "72.153", "74.235", "128.85", "135.232",
    "172.183",
];
/// The cloud's own public addresses, for instances without a NAT gateway.
pub(crate) const CLOUD: &[&str] = &[
    "3.71", "3.250", "18.159", "18.203", "34.244", "52.17", "54.74", "63.33",
];
/// Offices, before and after a move.
pub(crate) const OFFICES: &[&str] = &["195.34", "217.111", "62.96", "213.61"];

pub(crate) fn address(chance: &mut Chance, blocks: &[&str]) -> String {
    let block = *chance.pick(blocks);
    inside(chance, block)
}

pub(crate) fn inside(chance: &mut Chance, block: &str) -> String {
    format!("{block}.{}.{}", chance.range(1, 255), chance.range(1, 255))
}

/// The /16 of an address written with four parts.
pub(crate) fn block_of(address: &str) -> &str {
    match address.match_indices('.').nth(1) {
        Some((at, _)) => &address[..at],
        None => address,
    }
}

/// A program that calls AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tool {
    Python,
    Cli,
    CliLinux,
    Go,
    Java,
    Node,
    Terraform,
    Workflow,
    Browser,
    Rust,
    OldPython,
    Pentest,
    BucketBrowser,
    PowerShell,
}

/// User agent of a tool on a day; versions grow with the days, owners lag behind by `lag` days.
pub(crate) fn agent(tool: Tool, day: u32, lag: u32) -> String {
    let step = |every: u32, base: u32| base + (day + 500 - lag.min(400)) / every;
    match tool {
        Tool::Python => {
            let minor = step(17, 2);
            format!(
                "Boto3/1.41.{minor} md/Botocore#1.41.{minor} ua/2.1 os/linux#6.8.0-1031-aws md/arch#x86_64 lang/python#3.12.7 md/pyimpl#CPython m/Z,b cfg/retry-mode#standard Botocore/1.41.{minor}"
            )
        }
        Tool::Cli => format!(
            "aws-cli/2.{}.0 md/awscrt#0.29.1 ua/2.1 os/macos#25.1.0 md/arch#arm64 lang/python#3.13.9 md/pyimpl#CPython m/E,b md/installer#exe md/prompt#off",
            step(24, 12)
        ),
        Tool::CliLinux => format!(
            "aws-cli/2.{}.4 md/awscrt#0.28.2 ua/2.1 os/linux#6.1.141 md/arch#x86_64 lang/python#3.13.7 md/pyimpl#CPython exec-env/CI m/E,b md/distrib#debian.12 md/prompt#off",
            step(24, 11)
        ),
        Tool::Go => {
            let minor = step(26, 21);
            format!("aws-sdk-go-v2/1.{minor}.1 ua/2.1 os/linux lang/go#1.25.3 md/GOOS#linux md/GOARCH#arm64 api/s3#1.{}.0 m/E,e", minor + 50)
        }
        Tool::Java => format!(
            "aws-sdk-java/2.{}.1 md/io#async md/http#NettyNio ua/2.1 os/Linux#5.10.245 lang/java#21.0.8 md/OpenJDK_64-Bit_Server_VM#21.0.8 md/vendor#Eclipse_Adoptium md/en_US m/D,N",
            step(22, 18)
        ),
        Tool::Node => format!(
            "aws-sdk-js/3.{}.0 ua/2.1 os/linux#6.1.0 lang/js md/nodejs#22.20.0 md/crt-avail api/client-s3#3.{}.0 m/E,n",
            step(7, 840),
            step(7, 840)
        ),
        Tool::Terraform => format!(
            "APN/1.0 HashiCorp/1.0 Terraform/1.{}.4 (+https://www.terraform.io) terraform-provider-aws/6.{}.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.39.2 ua/2.1 os/linux lang/go#1.24.8",
            step(90, 8),
            step(21, 3)
        ),
        Tool::Workflow => format!(
            "aws-sdk-js/3.{}.0 ua/2.1 os/linux#6.14.0-1012-azure lang/js md/nodejs#20.19.5 configure-aws-credentials-for-github-actions m/E",
            step(9, 800)
        ),
        Tool::Browser => format!(
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
            step(28, 128)
        ),
        Tool::Rust => format!("aws-sdk-rust/1.3.{} ua/2.1 api/sts#1.{}.0 os/linux lang/rust#1.91.0 m/E,b", step(40, 2), step(20, 70)),
        Tool::OldPython => "Boto3/1.26.90 Python/3.9.2 Linux/5.10.0-21-amd64 Botocore/1.29.90".to_owned(),
        Tool::Pentest => "Boto3/1.35.20 md/Botocore#1.35.20 ua/2.0 os/linux#6.11.2-kali1-amd64 md/arch#x86_64 lang/python#3.12.6 md/pyimpl#CPython".to_owned(),
        Tool::BucketBrowser => "S3 Browser/13.0.9 (https://s3browser.com)".to_owned(),
        Tool::PowerShell => "AWSPowerShell.Common/5.0.61 ua/2.1 os/windows#10.0.22631 md/ARCH#X64 lang/.NET_Core#8.0.20 md/PowerShellCore/7.5".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_never_go_back() {
        let early = agent(Tool::Python, 0, 0);
        let late = agent(Tool::Python, 300, 0);
        assert_ne!(early, late);
        assert_eq!(agent(Tool::Python, 60, 60), early);
    }

    #[test]
    fn block_is_the_first_two_parts() {
        assert_eq!(block_of("24.61.7.9"), "24.61");
        assert_eq!(block_of("host"), "host");
    }
}
