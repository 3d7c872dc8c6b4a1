//! IAM actions of calls, read from the tables in `data/` without the crate that compiles them in.

use std::{collections::BTreeMap, fs, path::Path};

/// The tables.
#[derive(Debug)]
pub struct Actions {
    /// As the table spells them, by service and lower-case name.
    actions: BTreeMap<(String, String), String>,
    /// Source and operation pattern, service and action.
    overrides: Vec<[String; 4]>,
}

impl Actions {
    /// Read from the repository.
    ///
    /// # Panics
    /// A table is missing or malformed.
    #[must_use]
    pub fn read() -> Self {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data");
        let text = |name: &str| fs::read_to_string(data.join(name)).unwrap();
        let mut actions = BTreeMap::new();
        let mut service = String::new();
        for line in text("actions.tsv").lines() {
            if line.starts_with('#') {
                continue;
            }
            let Some(row) = line.strip_prefix('\t') else {
                line.clone_into(&mut service);
                continue;
            };
            let name = row.split('\t').next().unwrap();
            actions.insert(
                (service.clone(), name.to_ascii_lowercase()),
                format!("{service}:{name}"),
            );
        }
        let overrides = text("overrides.tsv")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let mut fields = line.split('\t').map(str::to_owned);
                std::array::from_fn(|_| fields.next().unwrap())
            })
            .collect();
        Self { actions, overrides }
    }

    /// Every action, sorted.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.actions.values().map(|action| &**action)
    }

    /// The action of a call, if it has one that is known.
    #[must_use]
    pub fn of(&self, source: &str, operation: &str) -> Option<&str> {
        let source = source.strip_suffix(".amazonaws.com").unwrap_or(source);
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => operation
                .to_ascii_lowercase()
                .starts_with(&start.to_ascii_lowercase()),
            None => pattern.eq_ignore_ascii_case(operation),
        };
        let row = self
            .overrides
            .iter()
            .filter(|[of, pattern, ..]| of == source && fits(pattern))
            .max_by_key(|[_, pattern, ..]| (!pattern.ends_with('*'), pattern.len()));
        let (service, name) = match row {
            Some([_, _, service, name]) if name == "*" => (&**service, operation),
            Some([_, _, service, name]) => (&**service, &**name),
            None => (source, operation),
        };
        let key = (service.to_owned(), name.to_ascii_lowercase());
        self.actions.get(&key).map(|action| &**action)
    }
}
