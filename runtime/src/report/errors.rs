//! Errors as a person reads them at night: code, fact, where, why, what to do.

use std::error::Error as StdError;
use std::fmt;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use crate::error::Error;
use crate::event::Failure;

/// An error as text, with colours and symbols if `fancy`.
#[must_use]
pub fn render_error(error: &Error, fancy: bool) -> String {
    render_failure(&Failure::from(error), fancy)
}

/// The error of an event as text, with colours and symbols if `fancy`.
#[must_use]
pub fn render_failure(failure: &Failure, fancy: bool) -> String {
    let theme = if fancy { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(100).with_links(false);
    let mut text = String::new();
    match handler.render_report(&mut text, &Report::new(failure)) {
        Ok(()) => text.replace(JOINER, ""),
        Err(fmt::Error) => failure.message.clone(),
    }
}

/// No line is broken beside it, and it has no width.
const JOINER: char = '\u{2060}';

/// The longest text in backticks that is on one line, in characters.
const UNBROKEN: usize = 60;

/// A text of which no line is broken within what is to be copied: what stands in backticks, and words with hyphens.
fn unbroken(text: &str) -> String {
    let mut parts = text.split('`').enumerate().peekable();
    let mut joined = String::with_capacity(text.len());
    while let Some((index, part)) = parts.next() {
        let quoted = index % 2 == 1 && parts.peek().is_some() && part.chars().count() <= UNBROKEN;
        if index > 0 {
            joined.push('`');
        }
        joined.extend(quoted.then_some(JOINER));
        for c in part.chars() {
            joined.push(c);
            joined.extend((quoted || c == '-').then_some(JOINER));
        }
    }
    joined
}

/// A failure in the form that miette renders.
#[derive(Debug)]
struct Report {
    code: String,
    message: String,
    help: Option<String>,
    cause: Option<Cause>,
}

impl Report {
    fn new(failure: &Failure) -> Self {
        let context = failure.context.iter().map(|(name, value)| format!("\n{name}: {value}"));
        let message: String = std::iter::once(failure.message.clone()).chain(context).collect();
        let chain = failure
            .causes
            .iter()
            .rev()
            .fold(None, |next, message| Some(Cause { message: unbroken(message), next: next.map(Box::new) }));
        Self {
            code: failure.code.clone(),
            message: unbroken(&message),
            help: failure.help.as_deref().map(unbroken),
            cause: chain,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Report {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

impl Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
}

#[derive(Debug)]
struct Cause {
    message: String,
    next: Option<Box<Cause>>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.next.as_ref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn commands_and_options_are_on_one_line() {
        let command = "`materialize 'orders and what follows' --all-partitions`";
        for before in 0..120 {
            let help = format!("{} {command} and then 2026-01-02", "w ".repeat(before));
            let error = Error::new(ErrorKind::Selection, help.clone()).help(help);
            let shown = render_error(&error, false);
            let found = shown.lines().filter(|line| line.contains(command)).count();
            let dates = shown.lines().filter(|line| line.contains("2026-01-02")).count();
            assert_eq!((found, dates), (2, 2), "{shown}");
            assert!(!shown.contains(JOINER) && shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
        }
    }

    #[test]
    fn what_is_no_pair_of_backticks_and_what_is_long_is_broken_where_there_is_room() {
        let long = "word ".repeat(60);
        for message in [format!("`{long}`"), format!("a ` alone {long}")] {
            let shown = render_error(&Error::new(ErrorKind::Internal, message), false);
            assert!(shown.lines().count() > 3 && shown.lines().all(|line| line.chars().count() <= 100), "{shown}");
        }
    }
}
