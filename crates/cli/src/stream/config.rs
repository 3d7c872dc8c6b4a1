//! Configuration of `offtrail stream` by file and environment. Both become arguments before the given ones: a flag of the command line wins over
//! `OFFTRAIL_<FLAG>`, and that over the file. What exists is read off the command itself, so there is no second list to keep.
//!
//! The file is flat TOML: the long flags without their dashes, `-` and `_` alike, lists for flags that may be repeated. What nobody knows is refused, in
//! the file and in the environment: a misspelt limit must not run as the default.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail};
use clap::{Arg, ArgAction, Command};
use toml::de::{DeTable, DeValue};

/// Bytes of a configuration file, at most.
pub(crate) const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// The command that is configured so.
const COMMAND: &str = "stream";
/// The flag that names the file.
const CONFIG: &str = "config";
/// What variables of ours begin with.
const PREFIX: &str = "OFFTRAIL_";
/// The secret that signs webhooks; `--webhook-secret-file` names a file instead. A secret is never a flag: others can read those.
pub(crate) const WEBHOOK_SECRET: &str = "OFFTRAIL_WEBHOOK_SECRET";

/// Variables of ours that are no flag of the command.
const OTHERS: &[&str] = &[
    WEBHOOK_SECRET,
    // Read by other commands.
    "OFFTRAIL_REVIEWER",
    // Read by tests and scripts.
    "OFFTRAIL_BIN",
    "OFFTRAIL_CA_ROOTS",
    "OFFTRAIL_CHROMIUM",
    "OFFTRAIL_MOTO",
    "OFFTRAIL_REPOSITORY",
    "OFFTRAIL_TAG",
    "OFFTRAIL_WITHOUT_CONTAINER",
];

/// The whole command line, with what file and environment say put after the word `stream`. Other commands' lines come back as they are, and so does one
/// that asks for help.
///
/// # Errors
/// The file can't be read or is no flat TOML; a key or variable is none of ours, or of the wrong type. Each text names where it stands.
pub(crate) fn layered(
    given: Vec<OsString>,
    root: impl FnOnce() -> Command,
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> anyhow::Result<Vec<OsString>> {
    let Some(place) = given
        .iter()
        .skip(1)
        .position(|arg| !arg.to_string_lossy().starts_with('-'))
        .map(|place| place + 1)
        .filter(|place| given[*place] == COMMAND)
    else {
        return Ok(given);
    };
    let mut root = root();
    root.build();
    let command = root
        .find_subcommand(COMMAND)
        .expect("the word before the arguments names a command of ours");
    let flags = Flags::of(command);
    let by_flag = flags.given(&given[1..]);
    if by_flag.contains_key("help") || by_flag.contains_key("version") {
        return Ok(given);
    }
    let mut layers = flags.of_environment(environment)?;
    let by_environment = layers.remove(CONFIG).map(|set| set.values);
    let file = by_flag.get(CONFIG).cloned().flatten().or_else(|| {
        by_environment
            .and_then(|values| values.into_iter().next())
            .map(OsString::from)
    });
    if let Some(file) = file {
        let path = PathBuf::from(file);
        for (name, set) in flags.of_file(&path, &read(&path)?)? {
            layers.entry(name).or_insert(set);
        }
    }
    let mut all = given[..=place].to_vec();
    for (name, set) in layers {
        if !by_flag.contains_key(name.as_str()) {
            all.extend(set.arguments(&name));
        }
    }
    all.extend_from_slice(&given[place + 1..]);
    Ok(all)
}

/// What a flag is set to by file or environment.
struct Set {
    /// Whether it is a flag without a value; then `values` are empty (off) or as many as its repetitions.
    bare: bool,
    values: Vec<String>,
}

impl Set {
    fn arguments(self, name: &str) -> impl Iterator<Item = OsString> {
        let bare = self.bare;
        self.values.into_iter().map(move |value| {
            OsString::from(if bare {
                format!("--{name}")
            } else {
                format!("--{name}={value}")
            })
        })
    }
}

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// Nothing: it is there or not.
    Nothing,
    /// One value.
    One,
    /// Several, by being repeated.
    Several,
}

/// The long flags of a command.
struct Flags<'c> {
    by_name: BTreeMap<&'c str, &'c Arg>,
}

impl<'c> Flags<'c> {
    fn of(command: &'c Command) -> Self {
        let long = |arg: &'c Arg| arg.get_long().map(|name| (name, arg));
        Self {
            by_name: command.get_arguments().filter_map(long).collect(),
        }
    }

    /// What the command line gives, by name, with the value where it takes one. What comes after `--` is no flag.
    fn given(&self, args: &[OsString]) -> BTreeMap<&str, Option<OsString>> {
        let mut found = BTreeMap::new();
        let mut args = args.iter().take_while(|arg| *arg != "--");
        while let Some(arg) = args.next() {
            let text = arg.to_string_lossy();
            let (flag, value) = match text.split_once('=') {
                Some((flag, value)) => (flag, Some(OsString::from(value))),
                None => (&*text, None),
            };
            if let Some(long) = flag.strip_prefix("--") {
                if let Some((name, arg)) = self.by_name.get_key_value(long) {
                    let takes = takes(arg) != Some(Takes::Nothing);
                    let value = value.or_else(|| args.next().filter(|_| takes).cloned());
                    found.insert(*name, value);
                }
            } else if let Some(letters) = flag.strip_prefix('-') {
                for (name, arg) in &self.by_name {
                    if arg.get_short().is_some_and(|short| letters.contains(short)) {
                        found.insert(*name, None);
                    }
                }
            }
        }
        found
    }

    /// A flag that may be configured, with what it takes; an error that names the nearest otherwise.
    fn find(&self, name: &str) -> Result<(&'c str, Takes), Option<&'c str>> {
        let configurable =
            |(name, arg): (&&'c str, &&'c Arg)| takes(arg).map(|takes| (*name, takes));
        match self.by_name.get_key_value(name).and_then(configurable) {
            Some(found) => Ok(found),
            None => {
                let known = self.by_name.iter().filter_map(configurable);
                Err(nearest(name, known.map(|(name, _)| name)))
            }
        }
    }

    fn of_environment(
        &self,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> anyhow::Result<BTreeMap<String, Set>> {
        let mut sorted: Vec<_> = environment
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(PREFIX) && !OTHERS.contains(&name.as_str()))
            .collect();
        sorted.sort_unstable();
        let mut found = BTreeMap::new();
        for (variable, value) in sorted {
            let flag = variable[PREFIX.len()..].to_lowercase().replace('_', "-");
            let (name, takes) = self
                .find(&flag)
                .map_err(|nearest| unknown_variable(&variable, nearest))?;
            let value = value
                .into_string()
                .map_err(|_| anyhow!("read the environment: {variable} is not UTF-8"))?;
            // What an unset variable of a compose file becomes.
            if !value.trim().is_empty() {
                let set = from_text(&value, takes)
                    .with_context(|| format!("read the environment: {variable}={value:?}"))?;
                found.insert(name.to_owned(), set);
            }
        }
        Ok(found)
    }

    fn of_file(&self, path: &Path, text: &str) -> anyhow::Result<BTreeMap<String, Set>> {
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            anyhow!("{}: {}", at(path, line), error.message())
        })?;
        let mut found = BTreeMap::new();
        for (key, value) in table.get_ref() {
            let place = at(path, line_of(text, key.span().start));
            let flag = key.get_ref().replace('_', "-");
            if flag == CONFIG {
                bail!("{place}: a configuration file can't name another; drop `{CONFIG}`");
            }
            let (name, takes) = self
                .find(&flag)
                .map_err(|nearest| unknown_key(&place, key.get_ref(), nearest))?;
            let set = from_toml(value.get_ref(), takes)
                .with_context(|| format!("{place}: `{}`", key.get_ref()))?;
            if found.insert(name.to_owned(), set).is_some() {
                bail!("{place}: `{}` stands there twice; drop one", key.get_ref());
            }
        }
        Ok(found)
    }
}

/// What a flag takes; `None` for those that ask for something else than a run (`--help`).
fn takes(arg: &Arg) -> Option<Takes> {
    match arg.get_action() {
        ArgAction::SetTrue | ArgAction::SetFalse | ArgAction::Count => Some(Takes::Nothing),
        ArgAction::Set => Some(Takes::One),
        ArgAction::Append => Some(Takes::Several),
        _ => None,
    }
}

fn from_text(text: &str, takes: Takes) -> anyhow::Result<Set> {
    let values = match takes {
        Takes::Nothing => match text.trim().to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => vec![String::new()],
            "0" | "false" | "no" | "off" => Vec::new(),
            _ => bail!("write true or false"),
        },
        Takes::One => vec![text.trim().to_owned()],
        Takes::Several => text.split_whitespace().map(str::to_owned).collect(),
    };
    Ok(Set {
        bare: takes == Takes::Nothing,
        values,
    })
}

fn from_toml(value: &DeValue<'_>, takes: Takes) -> anyhow::Result<Set> {
    let values = match (takes, value) {
        (Takes::Nothing, DeValue::Boolean(on)) => vec![String::new(); usize::from(*on)],
        (Takes::Nothing, _) => bail!("write true or false, not {}", kind(value)),
        (Takes::Several, DeValue::Array(list)) => list
            .iter()
            .map(|item| single(item.get_ref()))
            .collect::<Result<_, _>>()?,
        (Takes::One, DeValue::Array(_)) => bail!("write one value, not a list"),
        (Takes::One | Takes::Several, value) => vec![single(value)?],
    };
    Ok(Set {
        bare: takes == Takes::Nothing,
        values,
    })
}

fn single(value: &DeValue<'_>) -> anyhow::Result<String> {
    Ok(match value {
        DeValue::String(text) => text.to_string(),
        // Numbers as they are written, whatever their base or length.
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Boolean(_) | DeValue::Array(_) | DeValue::Table(_) => {
            bail!("write a text or a number, not {}", kind(value))
        }
    })
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn unknown_variable(variable: &str, nearest: Option<&str>) -> anyhow::Error {
    let hint = nearest.map_or_else(
        || format!("see `offtrail {COMMAND} --help`, or unset it"),
        |name| {
            let name = name.to_uppercase().replace('-', "_");
            format!("did you mean {PREFIX}{name}?")
        },
    );
    anyhow!("read the environment: {variable} is no setting of `offtrail {COMMAND}`; {hint}")
}

fn unknown_key(place: &str, key: &str, nearest: Option<&str>) -> anyhow::Error {
    let hint = if key.replace('-', "_") == "webhook_secret" {
        format!(
            "secrets stand in the environment ({WEBHOOK_SECRET}) or in a file of their own (`webhook-secret-file`)"
        )
    } else {
        nearest.map_or_else(
            || format!("see `offtrail {COMMAND} --help`"),
            |name| format!("did you mean `{name}`?"),
        )
    };
    anyhow!("{place}: unknown key `{key}`; {hint}")
}

/// The known name that is most like one, if any is like it at all.
fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    /// From here on two names are alike; clap asks for 0.7 too.
    const ALIKE: f64 = 0.7;
    known
        .map(|known| (strsim::jaro(name, known), known))
        .filter(|(alike, _)| *alike > ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

fn at(path: &Path, line: usize) -> String {
    format!("read configuration {}:{line}", path.display())
}

/// The line of a place in a text, from 1.
fn line_of(text: &str, place: usize) -> usize {
    let before = text.as_bytes().iter().take(place);
    before.filter(|byte| **byte == b'\n').count() + 1
}

fn read(path: &Path) -> anyhow::Result<String> {
    let doing = || format!("read configuration {}", path.display());
    let file = File::open(path).with_context(doing)?;
    let mut bytes = Vec::new();
    file.take(CONFIG_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .with_context(doing)?;
    if bytes.len() as u64 > CONFIG_BYTES_MAX {
        bail!("{}: it is larger than {CONFIG_BYTES_MAX} bytes", doing());
    }
    String::from_utf8(bytes).map_err(|_| anyhow!("{}: it is not UTF-8", doing()))
}

/// The secret of webhooks: the first line of a file, or else of the environment; `None` if neither says one.
///
/// # Errors
/// The file can't be read, or holds nothing.
pub(crate) fn webhook_secret(
    file: Option<&Path>,
    environment: Option<&OsStr>,
) -> anyhow::Result<Option<Vec<u8>>> {
    let (what, text) = match (file, environment) {
        (Some(path), _) => (path.display().to_string(), read(path)?),
        (None, Some(value)) => {
            let text = value.to_str();
            let text =
                text.ok_or_else(|| anyhow!("read the environment: {WEBHOOK_SECRET} is not UTF-8"))?;
            (WEBHOOK_SECRET.to_owned(), text.to_owned())
        }
        (None, None) => return Ok(None),
    };
    let secret = text.lines().next().unwrap_or_default().trim();
    if secret.is_empty() {
        bail!("read the webhook secret: {what} holds nothing; write it in its first line");
    }
    Ok(Some(secret.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write as _;

    use clap::{ArgAction, arg};

    use super::*;

    fn root() -> Command {
        let several = |name: &'static str| Arg::new(name).long(name).action(ArgAction::Append);
        let stream = Command::new("stream")
            .arg(Arg::new("config").long("config"))
            .arg(several("queue"))
            .arg(arg!(--listen <ADDR>))
            .arg(arg!(--"settle-secs" <N>))
            .arg(arg!(--standby));
        Command::new("offtrail")
            .version("1")
            .arg(arg!(-q - -quiet).global(true))
            .subcommand(stream)
            .subcommand(Command::new("detect"))
    }

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    fn run(line: &str, environment: &[(&str, &str)]) -> Result<String, String> {
        let environment = environment
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let all = layered(words(line), root, environment).map_err(|error| format!("{error:#}"))?;
        let texts: Vec<_> = all.iter().map(|word| word.to_str().unwrap()).collect();
        Ok(texts.join(" "))
    }

    /// What a file gives; `@` in `line` stands for its path.
    fn with_file(file: &str, line: &str, environment: &[(&str, &str)]) -> Result<String, String> {
        let mut kept = tempfile::NamedTempFile::new().unwrap();
        kept.write_all(file.as_bytes()).unwrap();
        let path = kept.path().to_str().unwrap();
        let hide = |text: String| text.replace(path, "@");
        run(&line.replace('@', path), environment)
            .map(hide)
            .map_err(hide)
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let file = "listen = \"file\"\nsettle_secs = 1\nqueue = [\"a\", \"b\"]\nstandby = true\n";
        let check = |line: &str, environment: &[(&str, &str)], expected: &str| {
            assert_eq!(with_file(file, line, environment).as_deref(), Ok(expected));
        };
        check(
            "offtrail stream --config @",
            &[],
            "offtrail stream --listen=file --queue=a --queue=b --settle-secs=1 --standby --config @",
        );
        check(
            "offtrail -q stream --config=@ --settle-secs 3",
            &[
                ("OFFTRAIL_LISTEN", "variable"),
                ("OFFTRAIL_STANDBY", "false"),
                ("OFFTRAIL_SETTLE_SECS", "2"),
                ("OFFTRAIL_QUEUE", " c\n d "),
                ("HOME", "x"),
            ],
            "offtrail -q stream --listen=variable --queue=c --queue=d --config=@ --settle-secs 3",
        );
    }

    #[test]
    fn the_environment_may_name_the_file() {
        let mut kept = tempfile::NamedTempFile::new().unwrap();
        kept.write_all(b"listen = 'x'").unwrap();
        let path = kept.path().to_str().unwrap();
        let found = run("offtrail stream", &[("OFFTRAIL_CONFIG", path)]);
        assert_eq!(found.as_deref(), Ok("offtrail stream --listen=x"));
    }

    #[test]
    fn other_commands_and_help_are_left_alone() {
        for line in [
            "offtrail detect",
            "offtrail",
            "offtrail --version",
            "offtrail stream --help",
            "offtrail detect stream",
        ] {
            let found = run(
                line,
                &[("OFFTRAIL_NONSENSE", "1"), ("OFFTRAIL_CONFIG", "none")],
            );
            assert_eq!(found.as_deref(), Ok(line));
        }
    }

    #[test]
    fn what_nobody_knows_is_refused_with_its_place_and_the_nearest_name() {
        let file = |text: &str| with_file(text, "offtrail stream --config @", &[]).unwrap_err();
        assert_eq!(
            file("queue = 'a'\n\nlisen = 'x'\n"),
            "read configuration @:3: unknown key `lisen`; did you mean `listen`?"
        );
        assert!(file("zzz = 1").contains("@:1: unknown key `zzz`; see `offtrail stream --help`"));
        assert!(file("help = true").contains("unknown key `help`"));
        assert!(file("config = 'x'").contains("can't name another"));
        assert!(file("webhook-secret = 'x'").contains("OFFTRAIL_WEBHOOK_SECRET"));
        assert!(file("settle-secs = 1\nsettle_secs = 2").contains("twice"));
        assert!(file("listen = ").starts_with("read configuration @:1: "));
        let variable = |name: &str| run("offtrail stream", &[(name, "1")]);
        assert_eq!(
            variable("OFFTRAIL_LISTENS").unwrap_err(),
            "read the environment: OFFTRAIL_LISTENS is no setting of `offtrail stream`; did you mean OFFTRAIL_LISTEN?"
        );
        for name in OTHERS {
            assert_eq!(variable(name).as_deref(), Ok("offtrail stream"));
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused() {
        let file = |text: &str| with_file(text, "offtrail stream --config @", &[]).unwrap_err();
        let check = |text: &str, expected: &str| assert_eq!(file(text), expected);
        check(
            "standby = 'yes'",
            "read configuration @:1: `standby`: write true or false, not a text",
        );
        check(
            "listen = ['a']",
            "read configuration @:1: `listen`: write one value, not a list",
        );
        check(
            "listen = true",
            "read configuration @:1: `listen`: write a text or a number, not true or false",
        );
        check(
            "[queue]\na = 1",
            "read configuration @:1: `queue`: write a text or a number, not a table",
        );
        let standby = run("offtrail stream", &[("OFFTRAIL_STANDBY", "maybe")]);
        assert!(standby.unwrap_err().contains("write true or false"));
        let empty = run("offtrail stream", &[("OFFTRAIL_LISTEN", "")]);
        assert_eq!(empty.as_deref(), Ok("offtrail stream"));
    }

    #[test]
    fn a_file_that_is_not_there_or_too_large_is_told() {
        let missing = run("offtrail stream --config /nowhere/x.toml", &[]).unwrap_err();
        assert!(missing.starts_with("read configuration /nowhere/x.toml: "));
        let large = "#".repeat(usize::try_from(CONFIG_BYTES_MAX).unwrap() + 1);
        let large = with_file(&large, "offtrail stream --config @", &[]).unwrap_err();
        assert!(large.contains("larger than"));
    }

    #[test]
    fn the_secret_is_the_first_line_of_a_file_or_of_the_environment() {
        let mut kept = tempfile::NamedTempFile::new().unwrap();
        kept.write_all(b" s3cret \r\nmore").unwrap();
        let of = |file, variable: Option<&str>| {
            webhook_secret(file, variable.map(OsStr::new))
                .map(|secret| secret.map(|bytes| String::from_utf8(bytes).unwrap()))
                .map_err(|error| error.to_string())
        };
        assert_eq!(of(Some(kept.path()), Some("x")), Ok(Some("s3cret".into())));
        assert_eq!(of(None, Some("x")), Ok(Some("x".into())));
        assert_eq!(of(None, None), Ok(None));
        assert!(of(None, Some("")).unwrap_err().contains("holds nothing"));
    }
}
