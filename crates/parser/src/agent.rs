//! `userAgent` → its family: the tool, without versions, so that an update of a tool is no news.
//!
//! A tool often names the SDK it is built on, and the SDK its language; what says most about who is calling comes first:
//! Terraform before the Go SDK, the AWS console before the browser's or the SDK's own words. Unknown agents are known by
//! their first product token (RFC 9110, section 10.1.5).

use std::borrow::Cow;

/// Longest family, in bytes.
const FAMILY_BYTES_MAX: usize = 64;

/// Agents the AWS console shows in place of the browser's.
const CONSOLE: &[&str] = &[
    "S3Console/",
    "AWS-Console",
    "aws-console",
    "AWSConsole",
    "AWS Signin",
    "AWSCloudShell",
    "Coral/Netty4 console",
];

/// Tools that are built on an SDK and name it as well: how one of the agent's words begins, and the family it means. The first
/// word that matches wins.
const TOOLS: &[(&str, &str)] = &[
    ("opentofu", "OpenTofu"),
    ("terraform", "Terraform"),
    ("pulumi", "Pulumi"),
    ("aws-cdk", "aws-cdk"),
    ("crossplane", "crossplane"),
    ("eksctl", "eksctl"),
    ("configure-aws-credentials", "github-actions"),
    ("ansible", "ansible"),
    ("cloud-custodian", "cloud-custodian"),
    ("c7n", "cloud-custodian"),
    ("karpenter", "karpenter"),
    ("rclone", "rclone"),
    ("aws-toolkit", "aws-toolkit"),
    ("awspowershell", "AWSPowerShell"),
    ("aws-sdk-dotnet", "aws-sdk-dotnet"),
];

/// Whether the agent is one of the AWS console's own (not a browser, which any sign-in page gets).
pub(crate) fn is_console(agent: &str) -> bool {
    let agent = bare(agent);
    CONSOLE.iter().any(|words| agent.starts_with(words)) || is_console_host(agent)
}

/// `console.amazonaws.com`, `console.ec2.amazonaws.com`, `signin.amazonaws.com`.
pub(crate) fn is_console_host(host: &str) -> bool {
    host.strip_suffix(".amazonaws.com")
        .is_some_and(|name| name == "signin" || name == "console" || name.starts_with("console."))
}

/// The family of an agent; empty for none.
pub(crate) fn family(agent: &str) -> Cow<'_, str> {
    let agent = bare(agent);
    if is_console(agent) {
        return Cow::Borrowed("console");
    }
    if agent.starts_with("AWS Internal") || agent.starts_with("aws-internal") {
        return Cow::Borrowed("AWS Internal");
    }
    if agent.starts_with("Mozilla/") || agent.starts_with("Opera/") {
        return Cow::Borrowed("browser");
    }
    if let Some(family) = words(agent).find_map(tool) {
        return Cow::Borrowed(family);
    }
    let product = agent
        .split([' ', '/', ',', ';', '(', '#'])
        .find(|token| !token.is_empty())
        .unwrap_or_default();
    known_product(product).map_or_else(|| Cow::Borrowed(without_version(product)), Cow::Borrowed)
}

/// The words of an agent; a parenthesis opens one as well.
fn words(agent: &str) -> impl Iterator<Item = &str> {
    let starts = memchr::memchr2_iter(b' ', b'(', agent.as_bytes()).map(|at| at + 1);
    std::iter::once(0).chain(starts).map(|at| &agent[at..])
}

/// The tool whose name begins this word.
fn tool(word: &str) -> Option<&'static str> {
    let first = word.as_bytes().first()?.to_ascii_lowercase();
    let begins = |name: &str| {
        word.get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    TOOLS
        .iter()
        .find(|(name, _)| name.as_bytes()[0] == first && begins(name))
        .map(|(_, family)| *family)
}

/// SDKs that write their name in more than one way.
fn known_product(product: &str) -> Option<&'static str> {
    const KNOWN: &[(&str, &str)] = &[
        ("boto3", "Boto3"),
        ("botocore", "Boto3"),
        ("aws-cli", "aws-cli"),
        ("aws-sdk-go-v2", "aws-sdk-go"),
        ("aws-sdk-go", "aws-sdk-go"),
        ("aws-sdk-java", "aws-sdk-java"),
        ("aws-sdk-js", "aws-sdk-js"),
        ("aws-sdk-nodejs", "aws-sdk-js"),
        ("aws-sdk-ruby", "aws-sdk-ruby"),
        ("aws-sdk-ruby2", "aws-sdk-ruby"),
        ("aws-sdk-ruby3", "aws-sdk-ruby"),
    ];
    KNOWN
        .iter()
        .find(|(name, _)| product.eq_ignore_ascii_case(name))
        .map(|(_, family)| *family)
}

/// Brackets and spaces around an agent dropped: `[S3Console/0.4]`.
fn bare(agent: &str) -> &str {
    agent
        .trim()
        .trim_start_matches(['[', '"'])
        .trim_end_matches([']', '"'])
        .trim()
}

/// Drops a version glued to the product (`tool-1.2.3`, `tool_v2`) and holds the length to its limit.
fn without_version(product: &str) -> &str {
    let product = &product[..product.floor_char_boundary(FAMILY_BYTES_MAX)];
    let cut = product
        .match_indices(['-', '_'])
        .map(|(at, _)| at)
        .find(|at| {
            let rest = product[at + 1..].trim_start_matches(['v', 'V']);
            !rest.is_empty()
                && rest.starts_with(|first: char| first.is_ascii_digit())
                && rest.contains('.')
                && rest
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
        });
    match cut {
        Some(at) if at > 0 => &product[..at],
        _ => product,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn families() {
        for (agent, expected) in [
            (
                "aws-cli/2.33.3 md/awscrt#0.27.6 ua/2.1 os/macos#24.5.0 lang/python#3.13.4",
                "aws-cli",
            ),
            (
                "[aws-cli/1.16.96 Python/2.7.8 Linux/3.16 botocore/1.12.86]",
                "aws-cli",
            ),
            (
                "Boto3/1.40.59 md/Botocore#1.40.59 lang/python#3.11.9",
                "Boto3",
            ),
            ("Botocore/1.31 Python/3.9", "Boto3"),
            (
                "aws-sdk-go-v2/1.45.0 ua/2.1 os/linux lang/go#1.24.4",
                "aws-sdk-go",
            ),
            (
                "APN/1.0 HashiCorp/1.0 Terraform/1.14.2 (+https://www.terraform.io) aws-sdk-go-v2/1.36.5",
                "Terraform",
            ),
            (
                "aws-sdk-js/3.747.0 os/linux lang/js configure-aws-credentials-for-github-actions",
                "github-actions",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36",
                "browser",
            ),
            (
                "[S3Console/0.4, aws-internal/3 aws-sdk-java/1.11.666]",
                "console",
            ),
            ("console.ec2.amazonaws.com", "console"),
            ("signin.amazonaws.com", "console"),
            ("lambda.amazonaws.com", "lambda.amazonaws.com"),
            ("AWS Internal", "AWS Internal"),
            ("aws-internal/3 aws-sdk-java/1.12", "AWS Internal"),
            ("Datadog", "Datadog"),
            ("my-tool-1.2.3 (linux)", "my-tool"),
            ("rclone/v1.65", "rclone"),
            ("", ""),
            ("[]", ""),
        ] {
            assert_eq!(family(agent), expected, "{agent}");
        }
    }

    proptest! {
        #[test]
        fn any_agent_is_safe(agent in ".{0,200}") {
            prop_assert!(family(&agent).len() <= FAMILY_BYTES_MAX);
        }
    }
}
