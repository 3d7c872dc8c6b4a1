//! Which IAM service a call belongs to, and which services there are: for policies that speak of whole services.

use super::{Catalogue, service_of};

impl Catalogue {
    /// Every IAM service prefix of the action table, sorted.
    pub fn services(&self) -> impl Iterator<Item = &'static str> {
        let mut services = self.actions.sources();
        services.dedup();
        services.into_iter()
    }

    /// The IAM service whose permissions a call needs, also where its action is not known; `None` where no service of that name exists.
    /// Arguments as for [`Catalogue::facts`].
    pub fn service(&self, source: &str, operation: &str) -> Option<&'static str> {
        let facts = self.facts(source, operation, None);
        if let Some(action) = facts.action {
            return Some(action.service);
        }
        let source = service_of(source);
        let stated = self.overrides.get(source, operation);
        let stated = stated
            .and_then(|row| row.action)
            .map(|(service, _)| service);
        self.actions.source(stated.unwrap_or(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_a_service_also_where_its_action_is_not_known() {
        let catalogue = Catalogue::embedded();
        let check = |source: &str, operation: &str, expected: Option<&str>| {
            assert_eq!(
                catalogue.service(source, operation),
                expected,
                "{source} {operation}"
            );
        };
        check("s3.amazonaws.com", "ListBuckets", Some("s3"));
        check("monitoring.amazonaws.com", "NewCall", Some("cloudwatch"));
        check("sts.amazonaws.com", "GetCallerIdentity", Some("sts"));
        check("ec2.amazonaws.com", "InventedCall", Some("ec2"));
        check("signin.amazonaws.com", "ConsoleLogin", Some("signin"));
        check("nobody.example.org", "Call", None);
    }

    #[test]
    fn services_are_sorted_and_told_once() {
        let services: Vec<_> = Catalogue::embedded().services().collect();
        assert!(services.len() > 400);
        assert!(services.is_sorted_by(|one, next| one < next));
    }
}
