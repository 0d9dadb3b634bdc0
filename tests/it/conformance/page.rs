//! The page for authors of stores lists the rules that there are.

use std::path::Path;

use lakewright::conformance::{Ability, Rule};

/// The rules as the page has them.
fn list() -> String {
    let mut list = String::from("| rule | needs | section | says |\n|---|---|---|---|\n");
    for rule in Rule::all() {
        let needs: Vec<String> = rule.needs.iter().map(|need| format!("`{need}`")).collect();
        let (name, says) = (rule.name, rule.says.replace('|', "\\|"));
        list.push_str(&format!("| `{name}` | {} | {} | {says} |\n", needs.join(", "), rule.section));
    }
    list
}

#[test]
fn the_page_and_the_rules_are_the_same() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, _) = text.split_once("\n| rule |").unwrap_or((&text, ""));
    let wanted = format!("{}\n\n{}", before.trim_end(), list());
    // With this variable the page is written anew, as snapshots are.
    if std::env::var_os("UPDATE_CONFORMANCE").is_some() {
        std::fs::write(&page, wanted).unwrap();
        return;
    }
    assert!(text == wanted, "the list of rules in docs/conformance.md is old; run this test with UPDATE_CONFORMANCE=1");
}

#[test]
fn names_are_unique_and_needs_are_abilities() {
    let mut names: Vec<_> = Rule::all().map(|rule| rule.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    for rule in Rule::all() {
        for need in rule.needs {
            assert!(Ability::ALL.iter().any(|ability| ability.name() == *need), "{}: {need}", rule.name);
        }
    }
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md")).unwrap();
    for ability in Ability::ALL {
        assert!(text.contains(&format!("`{}`", ability.name())), "the page says nothing of `{}`", ability.name());
    }
}
