//! One call of a body: what it is handed, and what it hands back.

use std::future::Future;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::asset::InputSpec;
use crate::context::Context;
use crate::env::blocking;
use crate::error::{BoxError, Error, ErrorKind, Result};
use crate::frame::Frame;
use crate::metadata::MetadataValue;
use crate::resource::{Resource, Resources};
use crate::settings::{AssetConfig, Config, config_from};
use crate::value::{Bytes, Object, Value};

/// A value with what should be recorded beside it.
///
/// ```
/// use lakewright::prelude::*;
///
/// #[asset]
/// fn stations() -> Output<Vec<String>> {
///     Output::new(vec!["sfo".into()]).metadata("source", "by hand")
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Output<T> {
    value: T,
    metadata: Vec<(String, MetadataValue)>,
}

impl<T> Output<T> {
    /// A value with nothing beside it yet.
    pub fn new(value: T) -> Self {
        Self { value, metadata: Vec::new() }
    }

    /// Records something beside the value.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<MetadataValue>) -> Self {
        self.metadata.push((name.into(), value.into()));
        self
    }

    /// The value and what is recorded beside it.
    #[must_use]
    pub fn into_parts(self) -> (T, Vec<(String, MetadataValue)>) {
        (self.value, self.metadata)
    }
}

/// What a body handed back, one output per asset of the step and in the same order.
#[derive(Debug, Default)]
pub struct Produced {
    pub(crate) outputs: Vec<ProducedOutput>,
}

/// One output of a body.
#[derive(Debug)]
pub(crate) struct ProducedOutput {
    /// Absent if there is nothing to store.
    pub(crate) value: Option<Value>,
    pub(crate) metadata: Vec<(String, MetadataValue)>,
}

impl Produced {
    /// No value: the effect is elsewhere, or an optional output has nothing to store.
    #[must_use]
    pub fn nothing() -> Self {
        Self::output(None)
    }

    /// One value.
    #[must_use]
    pub fn value(value: Value) -> Self {
        Self::output(Some(value))
    }

    fn output(value: Option<Value>) -> Self {
        Self { outputs: vec![ProducedOutput { value, metadata: Vec::new() }] }
    }

    /// Records something beside the last output.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Vec<(String, MetadataValue)>) -> Self {
        if let Some(output) = self.outputs.last_mut() {
            output.metadata.extend(metadata);
        }
        self
    }

    /// Adds the outputs of another asset of the same step.
    #[must_use]
    pub fn and(mut self, next: Produced) -> Self {
        self.outputs.extend(next.outputs);
        self
    }
}

/// What a body is handed: its inputs, its context, its resources and its configuration.
pub struct Call {
    context: Context,
    inputs: Vec<Loaded>,
    resources: Arc<Resources>,
    config: Option<Json>,
}

/// An input as it comes from its store.
struct Loaded {
    spec: InputSpec,
    value: Option<Value>,
    taken: bool,
}

impl Call {
    pub(crate) fn new(
        context: Context,
        inputs: Vec<(InputSpec, Option<Value>)>,
        resources: Arc<Resources>,
        config: Option<Json>,
    ) -> Self {
        let inputs = inputs.into_iter().map(|(spec, value)| Loaded { spec, value, taken: false }).collect();
        Self { context, inputs, resources, config }
    }

    /// The step that the body runs in.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Runs something that may block, with the call at hand.
    ///
    /// # Errors
    /// What the closure returns, or [`ErrorKind::Panic`] if it panicked.
    pub fn blocking<T, F>(self, job: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: FnOnce(Call) -> Result<T> + Send + 'static,
    {
        let env = Arc::clone(self.context.env());
        async move { blocking(&env, move || job(self)).await }
    }

    /// The input with this name, loaded as a frame. Blocks if the frame is eager.
    ///
    /// # Errors
    /// If there is no such input, nothing is stored, or what is stored is no table.
    pub fn frame<F: Frame>(&mut self, parameter: &str) -> Result<F> {
        match self.required(parameter)? {
            Value::Table(table) => F::from_table(table),
            other => Err(mismatch(parameter, &other, "a frame")),
        }
    }

    /// The input with this name, loaded as an object.
    ///
    /// # Errors
    /// If there is no such input, nothing is stored, or what is stored is no `T`.
    pub fn object<T: DeserializeOwned>(&mut self, parameter: &str) -> Result<T> {
        match self.required(parameter)? {
            Value::Object(object) => object.decode(),
            other => Err(mismatch(parameter, &other, "an object")),
        }
    }

    /// The input with this name, loaded as bytes.
    ///
    /// # Errors
    /// If there is no such input, nothing is stored, or what is stored are no bytes.
    pub fn bytes(&mut self, parameter: &str) -> Result<Bytes> {
        match self.required(parameter)? {
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(mismatch(parameter, &other, "bytes")),
        }
    }

    /// Whether something was stored for the input with this name.
    #[must_use]
    pub fn has(&self, parameter: &str) -> bool {
        self.inputs.iter().any(|input| input.spec.parameter == parameter && input.value.is_some())
    }

    /// What an asset that stores a frame hands back.
    ///
    /// # Errors
    /// None; it returns a `Result` so that it can end a body.
    pub fn produce_frame<F: Frame>(&self, frame: F) -> Result<Produced> {
        Ok(Produced::value(Value::Table(frame.into_table())))
    }

    /// What an asset that stores an object hands back.
    ///
    /// # Errors
    /// None; it returns a `Result` so that it can end a body.
    pub fn produce_object<T: Serialize + Send + 'static>(&self, object: T) -> Result<Produced> {
        Ok(Produced::value(Value::Object(Object::new(object))))
    }

    pub(crate) fn resource<R: Send + Sync + 'static>(&self, parameter: &str) -> Result<Resource<R>> {
        self.resources.get(parameter)
    }

    pub(crate) fn config<C: AssetConfig>(&self) -> Result<Config<C>> {
        let missing = || Error::new(ErrorKind::Internal, "the asset was planned without its configuration");
        config_from(self.config.as_ref().ok_or_else(missing)?)
    }

    fn required(&mut self, parameter: &str) -> Result<Value> {
        let Some(input) = self.inputs.iter_mut().find(|input| input.spec.parameter == parameter) else {
            return Err(Error::new(ErrorKind::Internal, format!("the asset has no input `{parameter}`")));
        };
        match input.value.take() {
            Some(value) => {
                input.taken = true;
                Ok(value)
            }
            None if !input.taken => {
                let message = format!("nothing is stored for the input `{parameter}`");
                Err(Error::new(ErrorKind::Missing, message).help(format!("materialize `{}` first", input.spec.upstream)))
            }
            None => Err(Error::new(ErrorKind::Internal, format!("the input `{parameter}` was taken twice"))),
        }
    }
}

fn mismatch(parameter: &str, value: &Value, wanted: &str) -> Error {
    Error::new(ErrorKind::Value, format!("the input `{parameter}` is {}, and the body takes {wanted}", value.kind()))
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Call({:?})", self.context)
    }
}

/// An error that a body may return: anything that can be boxed.
#[diagnostic::on_unimplemented(
    message = "an asset cannot fail with `{Self}`",
    label = "not an error",
    note = "use a type that implements `std::error::Error`, or `String`, or a boxed error"
)]
pub trait BodyError {
    /// Boxes it.
    fn into_box(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> BodyError for E {
    fn into_box(self) -> BoxError {
        self.into()
    }
}
