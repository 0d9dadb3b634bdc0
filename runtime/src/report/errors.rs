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
        Ok(()) => text,
        Err(fmt::Error) => failure.message.clone(),
    }
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
        let chain = failure
            .causes
            .iter()
            .rev()
            .fold(None, |next, message| Some(Cause { message: message.clone(), next: next.map(Box::new) }));
        Self {
            code: failure.code.clone(),
            message: std::iter::once(failure.message.clone()).chain(context).collect(),
            help: failure.help.clone(),
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
