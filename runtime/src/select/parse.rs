//! From text to an expression. The grammar:
//!
//! ```text
//! or    = and ("or" and)*
//! and   = not ("and" not)*
//! not   = "not" not | "(" or ")" | term
//! term  = ("*" | "+"*) attribute ("*" | "+"*)
//! attribute = "*" | ["key:" | "tag:" | "group:" | "kind:"] name
//! ```
//!
//! A name is anything without spaces, parentheses and the signs around it, or anything in double quotes.

use crate::error::{Error, ErrorKind, Result, nearest};

/// A selection, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expr {
    Or(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    /// What an attribute names, with so many edges upstream and downstream.
    Term {
        attribute: Attribute,
        up: usize,
        down: usize,
    },
}

/// What assets are named by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attribute {
    All,
    Key(String),
    Tag(String),
    Group(String),
    Kind(String),
}

const ATTRIBUTES: [&str; 4] = ["key", "tag", "group", "kind"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Word(String),
}

pub(super) fn parse(text: &str) -> Result<Expr> {
    let mut tokens = Tokens { all: tokenize(text)?, next: 0, text };
    if tokens.all.is_empty() {
        return Err(tokens.error("the selection is empty"));
    }
    let expr = tokens.or()?;
    match tokens.peek() {
        None => Ok(expr),
        Some(Token::Close) => Err(tokens.error("there is a `)` too many")),
        Some(_) => Err(tokens.error("two selections stand side by side without `and` or `or`")),
    }
}

fn tokenize(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars();
    let end_word = |word: &mut String, tokens: &mut Vec<Token>| {
        if !word.is_empty() {
            tokens.push(Token::Word(std::mem::take(word)));
        }
    };
    while let Some(c) = chars.next() {
        match c {
            '(' | ')' => {
                end_word(&mut word, &mut tokens);
                tokens.push(if c == '(' { Token::Open } else { Token::Close });
            }
            '"' => {
                // Kept, so that what is quoted is neither an operator nor a sign.
                word.push('"');
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some(c) => word.push(c),
                        None => return Err(Error::new(ErrorKind::Selection, format!("a quote is not closed in `{text}`"))),
                    }
                }
                word.push('"');
            }
            c if c.is_whitespace() => end_word(&mut word, &mut tokens),
            c => word.push(c),
        }
    }
    end_word(&mut word, &mut tokens);
    Ok(tokens)
}

struct Tokens<'a> {
    all: Vec<Token>,
    next: usize,
    text: &'a str,
}

impl Tokens<'_> {
    fn peek(&self) -> Option<&Token> {
        self.all.get(self.next)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(next)) if next == word);
        self.next += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<Expr> {
        let mut left = self.and()?;
        while self.take_word("or") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr> {
        let mut left = self.not()?;
        while self.take_word("and") {
            left = Expr::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr> {
        if self.take_word("not") {
            return Ok(Expr::Not(Box::new(self.not()?)));
        }
        let token = self.peek().cloned();
        self.next += 1;
        match token {
            Some(Token::Open) => {
                let inner = self.or()?;
                if self.peek() != Some(&Token::Close) {
                    return Err(self.error("a `(` is not closed"));
                }
                self.next += 1;
                Ok(inner)
            }
            Some(Token::Word(word)) if word == "and" || word == "or" => {
                Err(self.error(&format!("`{word}` has nothing before it")))
            }
            Some(Token::Word(word)) => self.term(&word),
            Some(Token::Close) => Err(self.error("there is nothing before `)`")),
            None => Err(self.error("something is missing at the end")),
        }
    }

    fn term(&self, word: &str) -> Result<Expr> {
        if word == "*" {
            return Ok(Expr::Term { attribute: Attribute::All, up: 0, down: 0 });
        }
        let (rest, up) = depth(word, |text| text.strip_prefix('*'), |text| text.strip_prefix('+'));
        let (name, down) = depth(rest, |text| text.strip_suffix('*'), |text| text.strip_suffix('+'));
        let (attribute, name) = match name.split_once(':') {
            Some((attribute, name)) if !attribute.starts_with('"') => (attribute, name),
            _ => ("key", name),
        };
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        if name.is_empty() {
            return Err(self.error(&format!("`{word}` names nothing")));
        }
        let named = name.to_owned();
        let attribute = match attribute {
            "key" => Attribute::Key(named),
            "tag" => Attribute::Tag(named),
            "group" => Attribute::Group(named),
            "kind" => Attribute::Kind(named),
            other => {
                let error = Error::new(ErrorKind::Selection, format!("assets are not selected by `{other}:`"));
                let near = nearest(other, ATTRIBUTES).map(|near| format!("did you mean `{near}:`? "));
                return Err(error.help(format!("{}there are `key:`, `tag:`, `group:` and `kind:`", near.unwrap_or_default())));
            }
        };
        Ok(Expr::Term { attribute, up, down })
    }

    fn error(&self, what: &str) -> Error {
        let help = "for example `iris_cleaned+`, `group:raw and not tag:slow`, `a* or b`";
        Error::new(ErrorKind::Selection, format!("{what} in the selection `{}`", self.text)).help(help)
    }
}

/// How many edges the signs at one end of a word ask for, and what is left of the word.
fn depth<'a>(
    word: &'a str,
    all: impl Fn(&'a str) -> Option<&'a str>,
    one: impl Fn(&'a str) -> Option<&'a str>,
) -> (&'a str, usize) {
    if let Some(rest) = all(word) {
        return (rest, usize::MAX);
    }
    let (mut rest, mut depth) = (word, 0);
    while let Some(shorter) = one(rest) {
        rest = shorter;
        depth += 1;
    }
    (rest, depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, up: usize, down: usize) -> Expr {
        Expr::Term { attribute: Attribute::Key(name.to_owned()), up, down }
    }

    #[test]
    fn signs_count_edges() {
        assert_eq!(parse("a").unwrap(), key("a", 0, 0));
        assert_eq!(parse("++a+").unwrap(), key("a", 2, 1));
        assert_eq!(parse("*a").unwrap(), key("a", usize::MAX, 0));
        assert_eq!(parse("a*").unwrap(), key("a", 0, usize::MAX));
    }

    #[test]
    fn not_binds_before_and_before_or() {
        let parsed = parse("not a and b or c").unwrap();
        let not_a = Expr::Not(Box::new(key("a", 0, 0)));
        let and = Expr::And(Box::new(not_a), Box::new(key("b", 0, 0)));
        assert_eq!(parsed, Expr::Or(Box::new(and), Box::new(key("c", 0, 0))));
    }

    #[test]
    fn quotes_take_operators_and_signs_as_names() {
        assert_eq!(parse("\"not a+\"").unwrap(), key("not a+", 0, 0));
        assert_eq!(parse("group:\"a b\"").unwrap(), Expr::Term { attribute: Attribute::Group("a b".into()), up: 0, down: 0 });
    }

    #[test]
    fn mistakes_are_named() {
        for (text, wanted) in [
            ("", "empty"),
            ("(a", "not closed"),
            ("a)", "too many"),
            ("a b", "side by side"),
            ("a and", "missing at the end"),
            ("and a", "nothing before it"),
            ("+", "names nothing"),
            ("\"a", "quote is not closed"),
            ("tga:x", "not selected by `tga:`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.message().contains(wanted), "{text}: {error}");
        }
    }
}
