//! The calls an organisation may make, parsed from [`table`] once per simulation.

mod parameters;
mod table;

use std::collections::BTreeMap;

pub(crate) use parameters::{Names, request};

/// Index of a call in its catalogue.
pub(crate) type CallId = usize;

/// One call as CloudTrail names it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Short service prefix, `iam`.
    pub(crate) service: &'static str,
    /// `iam.amazonaws.com`.
    pub(crate) source: &'static str,
    /// Name as recorded, dated where CloudTrail dates it.
    pub(crate) name: &'static str,
    pub(crate) read_only: bool,
    /// A data-plane event, recorded only where a trail asks for it.
    pub(crate) data: bool,
    /// The service records in us-east-1, wherever the caller is.
    pub(crate) global: bool,
    parameters: &'static str,
}

impl Call {
    /// The call names an IAM user.
    pub(crate) fn is_about_a_user(&self) -> bool {
        self.parameters.split(',').any(|word| word == "user")
    }
}

/// All calls, by place and by `service:Operation`.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue {
    calls: Vec<Call>,
    by_key: BTreeMap<(&'static str, &'static str), CallId>,
    by_service: BTreeMap<&'static str, Vec<CallId>>,
}

/// `ListFunctions20150331` and `GetPolicy20150331v2` → the operation without its date.
pub(crate) fn operation(name: &str) -> &str {
    let digits = |text: &str| {
        text.len() >= 8
            && text.as_bytes()[text.len() - 8..]
                .iter()
                .all(u8::is_ascii_digit)
    };
    let undated = |text: &str| text.len() - 8;
    if digits(name) {
        return &name[..undated(name)];
    }
    match name.rsplit_once('v') {
        Some((front, back))
            if !back.is_empty() && back.bytes().all(|b| b.is_ascii_digit()) && digits(front) =>
        {
            &front[..undated(front)]
        }
        _ => name,
    }
}

impl Catalogue {
    pub(crate) fn new() -> Self {
        let mut out = Self {
            calls: Vec::new(),
            by_key: BTreeMap::new(),
            by_service: BTreeMap::new(),
        };
        for paragraph in table::TABLE.split('@').skip(1) {
            let (head, body) = paragraph
                .trim_start()
                .split_once('\n')
                .expect("a paragraph has a head line");
            let mut head = head.split(' ');
            let service = head.next().expect("a head names its service");
            let source = head.next().expect("a head names its event source");
            let global = head.next() == Some("global");
            for word in body.split_whitespace() {
                let (marked, parameters) = word.split_once(':').unwrap_or((word, ""));
                let name = marked.trim_start_matches(['+', '~']);
                let id = out.calls.len();
                out.by_key.insert((service, operation(name)), id);
                out.by_service.entry(service).or_default().push(id);
                out.calls.push(Call {
                    service,
                    source,
                    name,
                    read_only: !marked.contains('+'),
                    data: marked.contains('~'),
                    global,
                    parameters,
                });
            }
        }
        out
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    pub(crate) fn get(&self, id: CallId) -> &Call {
        &self.calls[id]
    }

    /// The call with this `service:Operation`; our own texts name only calls of the table.
    pub(crate) fn id(&self, key: &str) -> CallId {
        self.find(key)
            .unwrap_or_else(|| unreachable!("call {key} is named but not in the table"))
    }

    pub(crate) fn find(&self, key: &str) -> Option<CallId> {
        let (service, operation) = key.split_once(':')?;
        self.by_key.get(&(service, operation)).copied()
    }

    /// Calls of a service, most used first; empty for a service we don't have.
    pub(crate) fn of_service(&self, service: &str) -> &[CallId] {
        self.by_service.get(service).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.by_service.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dated_names_are_the_same_operation() {
        let check = |name, expected| assert_eq!(operation(name), expected);
        check("ListFunctions20150331", "ListFunctions");
        check("UpdateFunctionCode20150331v2", "UpdateFunctionCode");
        check("ListTags20170331", "ListTags");
        check("GetSavingsPlansUtilization", "GetSavingsPlansUtilization");
        check("v2", "v2");
        check("", "");
    }

    #[test]
    fn the_table_is_whole() {
        let catalogue = Catalogue::new();
        assert!(catalogue.len() > 400, "{}", catalogue.len());
        assert_eq!(
            catalogue.by_key.len(),
            catalogue.len(),
            "a call is listed twice"
        );
        assert!(catalogue.services().count() >= 35);
        let call = catalogue.get(catalogue.id("lambda:UpdateFunctionCode"));
        assert_eq!(
            (call.name, call.read_only),
            ("UpdateFunctionCode20150331v2", false)
        );
        assert!(catalogue.get(catalogue.id("iam:ListAccessKeys")).global);
        assert!(catalogue.get(catalogue.id("s3:GetObject")).data);
    }

    #[test]
    fn every_parameter_word_is_known() {
        let catalogue = Catalogue::new();
        let names = Names {
            app: "orders",
            account: "111122223333",
            region: "eu-west-1",
            token: "0123456789abcdef0",
        };
        for call in &catalogue.calls {
            let text = request(call, &names);
            assert!(
                serde_json::from_str::<serde_json::Value>(&text).is_ok(),
                "{} {text}",
                call.name
            );
        }
    }
}
