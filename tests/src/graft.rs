//! A recorded attack, made a victim's own: its calls are grafted onto a principal of another organisation.
//!
//! Which records are the attack's: if an AssumeRole among them opened sessions of a role that then calls, that role is the attacker
//! and everybody else (the tool that opened its own set-up role, an instance's service, a person at the console) is left out;
//! otherwise the attacker is whoever calls first. Federated users that the attacker's calls minted stay, as new principals.
//!
//! What is rewritten, everywhere alike: the attacker's identity becomes the victim's, taken whole from a record of the victim a second before;
//! the attacker's account becomes the victim's, its region the region of that record (us-east-1 for services that are recorded nowhere else), and the
//! times move to that moment with their gaps kept. What is kept: event ids, addresses, agents, parameters, errors, and every other account.

use serde_json::{Map, Value, json};

/// Services whose calls are recorded in us-east-1 alone.
const GLOBAL: &[&str] = &["iam.amazonaws.com", "organizations.amazonaws.com"];

/// Records as a file of attacks holds them: a list, or one a line. In order of time.
///
/// # Panics
/// They are neither.
#[must_use]
pub(crate) fn recorded(text: &str) -> Vec<Value> {
    let mut records: Vec<Value> = serde_json::from_str(text).unwrap_or_else(|_| {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    });
    records.sort_by_key(time_of);
    records
}

/// The records of the attack, as if the caller of `anchor` had made them from one second after it on.
///
/// # Panics
/// A record has no time or no caller.
#[must_use]
pub(crate) fn graft(recorded: &[Value], anchor: &Value) -> Vec<Value> {
    let attacker = attacker(recorded);
    let records: Vec<&Value> = recorded
        .iter()
        .filter(|record| root_of(record) == attacker)
        .collect();
    let first = records[0];
    let moved = time_of(anchor) + 1 - time_of(first);
    let words = [
        (
            text(&first["recipientAccountId"]),
            text(&anchor["recipientAccountId"]),
        ),
        (text(&first["awsRegion"]), text(&anchor["awsRegion"])),
    ];
    let rewritten = records.into_iter().map(|record| {
        let mut grafted = replaced(record, &words);
        grafted["eventTime"] = json!(iso(time_of(record) + moved));
        grafted["userIdentity"] = identity(record, &anchor["userIdentity"], &words, moved);
        if GLOBAL.contains(&text(&record["eventSource"])) {
            grafted["awsRegion"] = json!("us-east-1");
        }
        grafted
    });
    rewritten.collect()
}

/// The name of a call as people know it: `UpdateFunctionCode20150331v2` is `UpdateFunctionCode`.
#[must_use]
pub(crate) fn operation(event_name: &str) -> &str {
    let is_version = |rest: &str| {
        rest.len() >= 8
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'_' || byte == b'v')
    };
    match event_name.find("20") {
        Some(at) if is_version(&event_name[at..]) => &event_name[..at],
        _ => event_name,
    }
}

/// The unique id of a caller, without the session's name.
#[must_use]
pub(crate) fn caller(record: &Value) -> Option<&str> {
    let id = record["userIdentity"]["principalId"].as_str()?;
    id.split(':').next()
}

/// When a record happened, in seconds since 1970.
///
/// # Panics
/// It does not say.
#[must_use]
pub(crate) fn time_of(record: &Value) -> i64 {
    let time = record["eventTime"].as_str();
    // A shipper of logs dropped `eventTime` and kept its own copy.
    let time = time.or_else(|| record["@timestamp"].as_str()).unwrap();
    seconds(time)
}

/// A time as records write it, in seconds since 1970.
///
/// # Panics
/// It is none.
#[must_use]
pub(crate) fn seconds(time: &str) -> i64 {
    let number = |from: usize, to: usize| time[from..to].parse::<i64>().unwrap();
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let clock = number(11, 13) * 3600 + number(14, 16) * 60 + number(17, 19);
    days(year, month, day) * 86_400 + clock
}

/// Days since 1970 of a civil date (Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// A time as records write it.
#[must_use]
pub(crate) fn iso(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The year and month by trying, which needs no second formula to be right.
    let mut year = 1970 + day.div_euclid(366);
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    let is_begun = |month: &i64| days(year, *month, 1) <= day;
    let month = (1..=12).rev().find(is_begun).unwrap();
    let date = day - days(year, month, 1) + 1;
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!(
        "{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{:02}Z",
        second % 60
    )
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Unique id of who made the attack.
fn attacker(recorded: &[Value]) -> String {
    let opened = recorded.iter().filter(|record| {
        record["eventName"] == "AssumeRole" && record["responseElements"]["credentials"].is_object()
    });
    let arns: Vec<&str> = opened
        .map(|record| text(&record["requestParameters"]["roleArn"]))
        .collect();
    let by_role = recorded.iter().find(|record| {
        let issuer = &record["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"];
        let session = text(&record["userIdentity"]["arn"]);
        // Some recorders keep the session's ARN alone: `…:assumed-role/NAME/SESSION`.
        arns.iter().any(|arn| {
            let name = arn.rsplit('/').next().unwrap_or_default();
            *issuer == **arn || session.contains(&format!(":assumed-role/{name}/"))
        })
    });
    let record = by_role.unwrap_or(&recorded[0]);
    caller(record).unwrap().to_owned()
}

/// Unique id of a caller, or, for a federated user, of who minted it.
fn root_of(record: &Value) -> &str {
    let identity = &record["userIdentity"];
    if identity["type"] == "FederatedUser" {
        return text(&identity["sessionContext"]["sessionIssuer"]["principalId"]);
    }
    caller(record).unwrap_or_default()
}

fn identity(record: &Value, victim: &Value, words: &[(&str, &str)], moved: i64) -> Value {
    let of_record = &record["userIdentity"];
    let mut identity = victim.clone();
    if of_record["type"] == "FederatedUser" {
        identity = replaced(of_record, words);
        let context = &mut identity["sessionContext"];
        context["sessionIssuer"] = issuer(victim);
        let created = &mut context["attributes"]["creationDate"];
        *created = json!(iso(seconds(text(created)) + moved));
    }
    // Nothing has signed a sign-in.
    if of_record["accessKeyId"].is_null() {
        identity
            .as_object_mut()
            .and_then(|it| it.remove("accessKeyId"));
    }
    identity
}

/// Whoever a session of the victim names as its issuer.
fn issuer(victim: &Value) -> Value {
    let issuer = &victim["sessionContext"]["sessionIssuer"];
    if issuer.is_object() {
        return issuer.clone();
    }
    let keys = ["type", "principalId", "arn", "accountId", "userName"];
    let entries = keys.map(|key| (key.to_owned(), victim[key].clone()));
    Value::Object(Map::from_iter(entries))
}

/// With words replaced in every text.
fn replaced(value: &Value, words: &[(&str, &str)]) -> Value {
    match value {
        Value::String(text) => {
            let text = words
                .iter()
                .filter(|(old, _)| !old.is_empty())
                .fold(text.clone(), |text, (old, new)| text.replace(old, new));
            Value::String(text)
        }
        Value::Array(items) => items.iter().map(|item| replaced(item, words)).collect(),
        Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone(), replaced(value, words)));
            Value::Object(entries.collect())
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (time, number) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2024-02-29T23:59:59Z", 1_709_251_199),
            ("2026-12-31T12:00:01Z", 1_798_718_401),
        ] {
            assert_eq!(seconds(time), number);
            assert_eq!(iso(number), time);
        }
    }

    #[test]
    fn versions_leave_the_names_of_calls() {
        for (name, expected) in [
            ("UpdateFunctionCode20150331v2", "UpdateFunctionCode"),
            ("ListDistributions2020_05_31", "ListDistributions"),
            ("CreateRole", "CreateRole"),
            ("GetHttp20Api", "GetHttp20Api"),
        ] {
            assert_eq!(operation(name), expected);
        }
    }

    #[test]
    fn a_role_opened_on_the_way_is_the_attacker() {
        let by = |id: &str, arn: &str, name: &str, second: u8| {
            json!({"eventName": name, "eventSource": "iam.amazonaws.com", "awsRegion": "xx-1", "recipientAccountId": "1",
                "eventTime": format!("2024-01-01T00:00:0{second}Z"),
                "requestParameters": {"roleArn": "arn:aws:iam::1:role/r", "to": "2"},
                "responseElements": {"credentials": {}}, "userIdentity": {"principalId": id, "arn": arn, "accessKeyId": "k"}})
        };
        let tool = by("AIDA", "arn:aws:iam::1:user/t", "AssumeRole", 1);
        let attack = by("AROA:s", "arn:aws:sts::1:assumed-role/r/s", "ListUsers", 4);
        let anchor = json!({"eventTime": "2026-06-01T12:00:00Z", "awsRegion": "eu-1", "recipientAccountId": "9",
            "userIdentity": {"principalId": "AIDAVICTIM", "accessKeyId": "own"}});
        let grafted = graft(&[tool, attack], &anchor);
        assert_eq!(grafted.len(), 1);
        assert_eq!(grafted[0]["userIdentity"], anchor["userIdentity"]);
        assert_eq!(grafted[0]["eventTime"], "2026-06-01T12:00:01Z");
        assert_eq!(grafted[0]["recipientAccountId"], "9");
        assert_eq!(grafted[0]["awsRegion"], "us-east-1");
        let parameters = json!({"roleArn": "arn:aws:iam::9:role/r", "to": "2"});
        assert_eq!(grafted[0]["requestParameters"], parameters);
    }
}
