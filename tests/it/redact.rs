//! What differs from one run to the next is taken out of what people see.

use std::path::Path;

/// The text without identifiers, moments, durations, sizes and places, and without the widths that follow from them.
pub(crate) fn redacted(root: &Path, text: &str) -> String {
    let text = text.replace(&*root.to_string_lossy(), "<root>");
    let mut lines: Vec<String> = text.lines().map(line).collect();
    lines.push(String::new());
    lines.join("\n")
}

fn line(line: &str) -> String {
    if !line.is_empty() && line.chars().all(|c| "┌─┬┐╞═╪╡└┴┘├┼┤".contains(c)) {
        return "─".to_owned();
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut shown = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let next = words.get(at + 1).copied().unwrap_or_default();
        let (text, taken) = match () {
            () if is_date(word) && is_time(next) => ("<moment>".to_owned(), 3),
            () if is_time(word) => ("<time>".to_owned(), 1),
            () if is_number(word) && matches!(next, "ms" | "s") => ("<took>".to_owned(), 2),
            () if is_number(word) && matches!(next, "B" | "KiB") => ("<size>".to_owned(), 2),
            () if word.contains(".rs:") => ("<source>".to_owned(), 1),
            () if *word == "process" && is_number(next) => ("<process>".to_owned(), 4),
            () => (without_run(word), 1),
        };
        shown.push(text);
        at += taken;
    }
    let indent = if line.starts_with(' ') { "  " } else { "" };
    format!("{indent}{}", shown.join(" "))
}

/// The word with `<run>` in place of the identifier of a run.
fn without_run(word: &str) -> String {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let is_run = bare.len() == 16 && bare.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_run { word.replace(bare, "<run>") } else { word.to_owned() }
}

fn is_number(word: &str) -> bool {
    word.parse::<f64>().is_ok()
}

fn is_date(word: &str) -> bool {
    word.len() == 10 && word.bytes().filter(|byte| *byte == b'-').count() == 2
}

fn is_time(word: &str) -> bool {
    word.len() >= 8 && word.bytes().filter(|byte| *byte == b':').count() == 2 && word.starts_with(|c: char| c.is_ascii_digit())
}
