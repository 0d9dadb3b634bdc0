//! `docs/json.md` has an example of what each command writes with `--json`: the commands are run in its order, and what they write has the
//! same fields of the same types.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;
use tempfile::tempdir;

use crate::cli::run;

/// What a document looks like, whatever its values.
#[derive(Clone, PartialEq)]
enum Shape {
    /// Anything: nothing is known of what is absent or empty.
    Any,
    Bool,
    Number,
    Text,
    List(Box<Shape>),
    Fields(BTreeMap<String, Shape>),
}

impl Shape {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Any,
            Value::Bool(_) => Self::Bool,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Array(all) => Self::List(Box::new(all.iter().map(Self::of).fold(Self::Any, Self::and))),
            Value::Object(fields) => Self::Fields(fields.iter().map(|(name, value)| (name.clone(), Self::of(value))).collect()),
        }
    }

    /// What both of two elements of a list look like.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Any, other) | (other, Self::Any) => other,
            (Self::List(one), Self::List(other)) => Self::List(Box::new(one.and(*other))),
            (Self::Fields(mut one), Self::Fields(other)) => {
                for (name, shape) in other {
                    let known = one.remove(&name).unwrap_or(Self::Any);
                    one.insert(name, known.and(shape));
                }
                Self::Fields(one)
            }
            (one, other) => {
                assert!(one == other, "a list of {one} and {other}");
                one
            }
        }
    }

    /// Where it differs from another.
    fn differences(&self, other: &Self, place: &str, found: &mut Vec<String>) {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => {}
            (Self::List(one), Self::List(other)) => one.differences(other, &format!("{place}[]"), found),
            (Self::Fields(one), Self::Fields(other)) => {
                for (name, shape) in one {
                    match other.get(name) {
                        Some(other) => shape.differences(other, &format!("{place}.{name}"), found),
                        None => found.push(format!("{place}.{name} is documented, and not there")),
                    }
                }
                found.extend(
                    other.keys().filter(|name| !one.contains_key(*name)).map(|name| format!("{place}.{name} is not documented")),
                );
            }
            (one, other) if one != other => found.push(format!("{place} is documented as {one}, and is {other}")),
            _ => {}
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "anything",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List(_) => "a list",
            Self::Fields(_) => "fields",
        })
    }
}

#[test]
fn every_command_says_what_is_documented() {
    let root = tempdir().unwrap();
    let root = root.path();
    let page = include_str!("../../docs/json.md");
    let mut newest = String::new();
    let mut documented = 0;
    for section in page.split("\n## ").skip(1) {
        let (heading, rest) = section.split_once('\n').unwrap();
        let example = rest.split_once("```json\n").unwrap().1.split_once("\n```").unwrap().0;
        let example: Value = serde_json::from_str(example).unwrap_or_else(|error| panic!("{heading}: {error}"));
        let command = if heading == "errors" { "runs show nothing" } else { heading.trim_matches('`') };
        // What is there to be shown.
        let before: &[&str] = match command {
            "runs list --limit 1" => &["materialize", "numbers", "--tag", "why=docs"],
            "logs RUN" => &["materialize", "patient"],
            _ => &[],
        };
        if !before.is_empty() {
            let (code, stdout, stderr) = run(root, &[before, &["--json"]].concat());
            assert_eq!(code, 0, "{stderr}");
            newest = serde_json::from_str::<Value>(&stdout).unwrap()["run"].as_str().unwrap().to_owned();
        }
        let words = command.split(' ').map(|word| if word == "RUN" { newest.as_str() } else { word }).chain(["--json"]);
        let (code, stdout, stderr) = run(root, &words.collect::<Vec<_>>());
        assert_eq!(code == 0, heading != "errors", "{heading}: {stdout}{stderr}");
        let said: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{heading}: {error}: {stdout}{stderr}"));
        assert_eq!((&said["v"], &example["v"]), (&1.into(), &1.into()));
        let mut found = Vec::new();
        Shape::of(&example).differences(&Shape::of(&said), "", &mut found);
        assert!(found.is_empty(), "`{command}` differs from docs/json.md:\n{}\nit says {said:#}", found.join("\n"));
        documented += 1;
    }
    assert!(documented > 15, "only {documented} examples were found");
}
