//! `${VARIABLE}`, `${VARIABLE:-default}` and `${file:PATH}` in texts.

use std::collections::BTreeMap;
use std::path::Path;

/// The variables of the environment.
pub(super) type Variables = BTreeMap<String, String>;

/// What a text becomes.
pub(super) struct LookedUp {
    pub(super) value: String,
    /// What came from elsewhere, and how it is written.
    pub(super) found: Vec<(String, String)>,
    /// Whether the text is one `${…}` and nothing else.
    pub(super) whole: bool,
}

/// Why a text has no value, and what to do about it.
pub(super) struct Unset {
    pub(super) message: String,
    pub(super) help: String,
}

enum Part<'a> {
    Literal(&'a str),
    Variable { name: &'a str, default: Option<&'a str> },
    File(&'a str),
}

/// The text with everything put in. Paths of files are relative to the folder.
pub(super) fn look_up(text: &str, variables: &Variables, folder: &Path) -> Result<LookedUp, Unset> {
    let parts = parts(text)?;
    let whole = matches!(parts[..], [Part::Variable { .. } | Part::File(_)]);
    let mut looked_up = LookedUp { value: String::new(), found: Vec::new(), whole };
    for part in parts {
        match part {
            Part::Literal(literal) => looked_up.value.push_str(literal),
            Part::Variable { name, default } => match (variables.get(name), default) {
                (Some(value), None) => looked_up.push(value, format!("${{{name}}}")),
                (Some(value), Some(_)) if !value.is_empty() => looked_up.push(value, format!("${{{name}}}")),
                (_, Some(default)) => {
                    let default = look_up(default, variables, folder)?;
                    looked_up.found.extend(default.found);
                    looked_up.value.push_str(&default.value);
                }
                (None, None) => {
                    let message = format!("the environment variable `{name}` is not set");
                    let help = format!("set it, or write `${{{name}:-…}}` with a default");
                    return Err(Unset { message, help });
                }
            },
            Part::File(path) => {
                let path = look_up(path, variables, folder)?;
                let file = folder.join(&path.value);
                let text = std::fs::read_to_string(&file).map_err(|error| Unset {
                    message: format!("the file `{}` cannot be read: {error}", file.display()),
                    help: "put the value into the file; paths are relative to the folder of the configuration".to_owned(),
                })?;
                // Editors and `echo` end a file with a line break that is no part of a password.
                let value = text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text));
                looked_up.push(value, format!("${{file:{}}}", path.value));
            }
        }
    }
    Ok(looked_up)
}

impl LookedUp {
    fn push(&mut self, value: &str, written: String) {
        self.value.push_str(value);
        self.found.push((value.to_owned(), written));
    }
}

/// The text as it may be shown: without its defaults.
pub(super) fn without_defaults(text: &str, instead: &str) -> String {
    let Ok(parts) = parts(text) else { return instead.to_owned() };
    let show = |part: &Part<'_>| match part {
        Part::Literal(literal) => (*literal).to_owned(),
        Part::Variable { name, default: None } => format!("${{{name}}}"),
        Part::Variable { name, default: Some(_) } => format!("${{{name}:-{instead}}}"),
        Part::File(path) => format!("${{file:{path}}}"),
    };
    parts.iter().map(show).collect()
}

/// Whether the text is one `${…}` without a default, which says nothing of the value.
pub(super) fn is_reference(text: &str) -> bool {
    matches!(parts(text).as_deref(), Ok([Part::Variable { default: None, .. } | Part::File(_)]))
}

fn parts(text: &str) -> Result<Vec<Part<'_>>, Unset> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        if rest[..start].ends_with('$') {
            // `$${` is how `${` is written.
            parts.push(Part::Literal(&rest[..start - 1]));
            parts.push(Part::Literal("${"));
            rest = &rest[start + 2..];
            continue;
        }
        if start > 0 {
            parts.push(Part::Literal(&rest[..start]));
        }
        let inner = &rest[start + 2..];
        let end = closing(inner).ok_or_else(|| Unset {
            message: "a `${` is not closed".to_owned(),
            help: "write `${NAME}`, or `$${` for the two characters themselves".to_owned(),
        })?;
        parts.push(part(&inner[..end])?);
        rest = &inner[end + 1..];
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::Literal(rest));
    }
    Ok(parts)
}

fn part(inner: &str) -> Result<Part<'_>, Unset> {
    if let Some(path) = inner.strip_prefix("file:") {
        return Ok(Part::File(path.trim()));
    }
    let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
    let is_name = |name: &str| {
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && name.starts_with(|c: char| !c.is_ascii_digit())
    };
    if name.is_empty() || !is_name(name) {
        return Err(Unset {
            message: "what stands in `${…}` is no name of a variable".to_owned(),
            help: "write `${NAME}`, `${NAME:-default}` or `${file:PATH}`; `$${` are the two characters themselves".to_owned(),
        });
    }
    Ok(Part::Variable { name, default })
}

/// Where the brace ends that is open at the beginning.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}
