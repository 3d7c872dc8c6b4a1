//! The closed lists of the interface: kinds of principals, credentials, outcomes, origins and event categories.
//! Their texts are part of `observation-v1` and `finding-v1`, of the store and of the review text.

use std::{fmt, str::FromStr};

/// A text that names none of the kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKind(pub String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not a known kind", self.0)
    }
}

impl std::error::Error for UnknownKind {}

macro_rules! kinds {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$inner])* $variant,)+ }

        impl $name {
            /// Every kind, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word used for it in every format.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownKind;

            fn from_str(text: &str) -> Result<Self, UnknownKind> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(UnknownKind(text.to_owned())) }
            }
        }
    };
}

kinds! {
    /// How soon somebody should look, in four written steps.
    Severity {
        /// Worth reading within a week: unusual, and of little consequence if malicious.
        Low = "low",
        /// Worth reading within a day: unusual and consequential, or very unusual.
        Medium = "medium",
        /// Worth interrupting somebody in working hours: unusual and directly useful to an intruder.
        High = "high",
        /// Worth waking somebody: several unusual and harmful calls, or a lasting foothold.
        Critical = "critical",
    }
}

kinds! {
    /// Whose permissions were used.
    PrincipalKind {
        /// The root user of an account.
        Root = "root",
        /// An IAM user, keyed by its `AIDA…` id.
        IamUser = "iam_user",
        /// A role, keyed by its `AROA…` id; sessions are evidence.
        Role = "role",
        /// A session of `GetFederationToken`.
        FederatedUser = "federated_user",
        /// A user of a SAML provider, before any role.
        SamlUser = "saml_user",
        /// A user of a web-identity provider, before any role.
        WebIdentityUser = "web_identity_user",
        /// A user of IAM Identity Center acting without a role.
        IdentityCenterUser = "identity_center_user",
        /// An AWS service acting for itself.
        AwsService = "aws_service",
        /// A caller of another account, of which only the account (and perhaps a unique id) is known.
        ForeignAccount = "foreign_account",
        /// Witnesses disagree, or the record says too little.
        Unrecognised = "unrecognised",
    }
}

kinds! {
    /// What signed the call.
    CredentialKind {
        /// A permanent access key of a user (`AKIA…`).
        PermanentKey = "permanent_key",
        /// A temporary session of a user (`GetSessionToken`, `GetFederationToken`).
        UserSession = "user_session",
        /// A temporary session of a role.
        RoleSession = "role_session",
        /// A browser session of the AWS console.
        Console = "console",
        /// A service acting with the caller's permissions (forward-access session).
        ForwardAccess = "forward_access",
        /// A service acting for itself, or through a service-linked role.
        Service = "service",
        /// No credential: a sign-in attempt, an anonymous or pre-authentication call.
        None = "none",
        /// Witnesses disagree.
        Unrecognised = "unrecognised",
    }
}

kinds! {
    /// How a call ended.
    OutcomeClass {
        /// It was carried out.
        Succeeded = "succeeded",
        /// Authorisation was refused.
        Denied = "denied",
        /// It failed for any other reason.
        Failed = "failed",
    }
}

kinds! {
    /// Where a call came from.
    OriginKind {
        /// A network address.
        Address = "address",
        /// An AWS service named by its host.
        Service = "service",
        /// Inside AWS, unnamed (`AWS Internal`), or not stated.
        Internal = "internal",
    }
}

kinds! {
    /// CloudTrail's category of an event.
    Category {
        /// Control plane.
        Management = "management",
        /// Data plane.
        Data = "data",
        /// Network activity.
        Network = "network",
        /// CloudTrail Insights.
        Insight = "insight",
    }
}

kinds! {
    /// What a call was aimed at, where that may tell an intruder apart although the call's name is ordinary.
    TargetKind {
        /// An account that is neither the trail's nor the caller's was given access.
        ForeignAccount = "foreign_account",
        /// Everybody was given access.
        Public = "public",
        /// A port was opened to every address.
        OpenIngress = "open_ingress",
        /// A key, password or second factor of another user was made or changed.
        KeyOf = "key_of",
        /// A caller of another account took a role.
        ForeignCaller = "foreign_caller",
        /// A secret was read.
        Secret = "secret",
        /// A parameter was read.
        Parameter = "parameter",
        /// A function was changed or invoked.
        Function = "function",
        /// The user data of an instance was changed.
        UserData = "user_data",
        /// A trail was stopped, changed or deleted.
        Trail = "trail",
        /// A bucket was read, changed or deleted.
        Bucket = "bucket",
    }
}

impl TargetKind {
    /// The kind a text of the vocabulary tells of: `secret:prod/db` is a secret's.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        text.split_once(':')?.0.parse().ok()
    }

    /// Whether it gives something away or opens something, rather than using it.
    #[must_use]
    pub const fn is_grant(self) -> bool {
        matches!(
            self,
            Self::ForeignAccount
                | Self::Public
                | Self::OpenIngress
                | Self::KeyOf
                | Self::ForeignCaller
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for kind in PrincipalKind::ALL {
            assert_eq!(kind.as_str().parse::<PrincipalKind>().unwrap(), *kind);
        }
        for kind in CredentialKind::ALL {
            assert_eq!(kind.as_str().parse::<CredentialKind>().unwrap(), *kind);
        }
        assert!("user".parse::<PrincipalKind>().is_err());
    }
}
