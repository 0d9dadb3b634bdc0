//! What is traced, on its way into the log of the run.

use std::cell::Cell;
use std::fmt::{Debug, Write};
use std::sync::{Arc, PoisonError, RwLock};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::sink::{Sink, StepOf};

/// Where what steps trace is recorded.
static RECORDED: RwLock<Vec<Arc<Sink>>> = RwLock::new(Vec::new());

thread_local! {
    static LEFT_OUT: Cell<bool> = const { Cell::new(false) };
}

/// Keeps what steps trace in the log of the run that the command line carries out, each line with its step. The command line installs it by
/// itself; a program that has a subscriber of its own adds it there, and says with [`LogLayer::keep`] for which lakehouse, if it begins runs
/// by calls.
///
/// ```
/// use lakewright::cli::LogLayer;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let subscriber = tracing_subscriber::registry().with(LogLayer::new());
/// # drop(subscriber);
/// ```
#[derive(Debug, Default)]
pub struct LogLayer {
    _private: (),
}

impl LogLayer {
    /// The layer. It keeps all that the subscriber lets through; give it a filter of its own with `with_filter`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// While this is there, what steps trace is recorded.
pub(super) struct Recorded(Arc<Sink>);

/// Records from now on.
pub(super) fn record(sink: Arc<Sink>) -> Recorded {
    RECORDED.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&sink));
    Recorded(sink)
}

impl Drop for Recorded {
    fn drop(&mut self) {
        RECORDED.write().unwrap_or_else(PoisonError::into_inner).retain(|sink| !Arc::ptr_eq(sink, &self.0));
    }
}

/// Nothing that this thread traces is recorded.
pub(super) fn leave_out_this_thread() {
    LEFT_OUT.set(true);
}

/// What the stores are built on. At `INFO` it tells of every file of every table, and nobody would find what an asset says.
const BELOW_STORES: [&str; 12] = [
    "aws_config",
    "aws_sdk_dynamodb",
    "aws_smithy_runtime",
    "buoyant_kernel",
    "deltalake_core",
    "h2",
    "hyper",
    "hyper_util",
    "object_store",
    "reqwest",
    "rustls",
    "tokio_postgres",
];

/// What the command line keeps: events from this level on, and the spans of steps.
pub(super) fn filter(level: LevelFilter) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    filter_fn(move |metadata| is_step(metadata) || (metadata.is_event() && is_kept(level, *metadata.level(), metadata.target())))
        .with_max_level_hint(level.max(LevelFilter::INFO))
}

/// Whether something is to be kept that is traced at this level, by this module. What the stores are built on has to be a warning, unless
/// everything is asked for.
fn is_kept(asked: LevelFilter, level: Level, target: &str) -> bool {
    let below_stores = BELOW_STORES.contains(&target.split("::").next().unwrap_or_default());
    level <= asked && (!below_stores || level <= Level::WARN || asked > LevelFilter::INFO)
}

/// Whether it is the span that the executor opens around a step.
fn is_step(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name() == "step" && metadata.target().starts_with("lakewright::exec")
}

fn recorded() -> Vec<Arc<Sink>> {
    if LEFT_OUT.get() {
        return Vec::new();
    }
    RECORDED.read().unwrap_or_else(PoisonError::into_inner).clone()
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if !is_step(attributes.metadata()) {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let (Some(span), Some(run), Some(step)) = (context.span(id), fields.run, fields.step) else { return };
        let step = StepOf { run, step };
        for sink in recorded() {
            sink.step(&step, true);
        }
        span.extensions_mut().insert(step);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(span) = context.span(&id)
            && let Some(step) = span.extensions().get::<StepOf>()
        {
            for sink in recorded() {
                sink.step(step, false);
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let sinks = recorded();
        if sinks.is_empty() {
            return;
        }
        let step =
            context.event_scope(event).and_then(|mut scope| scope.find_map(|span| span.extensions().get::<StepOf>().cloned()));
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let text = format!("{}{}", fields.message, fields.others);
        for sink in &sinks {
            sink.line(step.as_slice(), metadata.level().as_str(), metadata.target(), text.trim_start().to_owned());
        }
    }
}

/// The fields of a span or an event.
#[derive(Default)]
struct Fields {
    run: Option<String>,
    step: Option<usize>,
    message: String,
    others: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a text does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.others, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "run" {
            self.run = Some(value.to_owned());
        }
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "step" {
            self.step = usize::try_from(value).ok();
        }
        self.record_debug(field, &value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_asset_says_is_kept_and_what_stores_are_built_on_only_if_it_matters_or_is_asked_for() {
        let ours = |asked, level| is_kept(asked, level, "my_assets::orders");
        let below = |asked, level| is_kept(asked, level, "buoyant_kernel::snapshot");
        assert!(
            ours(LevelFilter::INFO, Level::INFO)
                && !ours(LevelFilter::INFO, Level::DEBUG)
                && !ours(LevelFilter::WARN, Level::INFO)
        );
        assert!(!below(LevelFilter::INFO, Level::INFO) && below(LevelFilter::INFO, Level::WARN));
        assert!(below(LevelFilter::DEBUG, Level::INFO) && !below(LevelFilter::DEBUG, Level::TRACE));
        assert!(!below(LevelFilter::ERROR, Level::WARN));
        assert!(is_kept(LevelFilter::INFO, Level::INFO, "hyperbole"), "another crate that begins like one");
    }
}
