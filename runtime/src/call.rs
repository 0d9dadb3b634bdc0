//! One call of a body: what it is handed, and what it hands back.

use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::asset::InputSpec;
use crate::context::Context;
use crate::env::blocking;
use crate::error::{BoxError, Error, ErrorKind, Result};
use crate::frame::Frame;
use crate::metadata::MetadataValue;
use crate::partition::{KeySet, Partition, PartitionDefinition, PartitionKey, PartitionSet};
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
    beside: Beside,
}

/// What is recorded beside a value.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    pub(crate) metadata: Vec<(String, MetadataValue)>,
    pub(crate) data_version: Option<String>,
}

impl<T> Output<T> {
    /// A value with nothing beside it yet.
    pub fn new(value: T) -> Self {
        Self { value, beside: Beside::default() }
    }

    /// Records something beside the value.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<MetadataValue>) -> Self {
        self.beside.metadata.push((name.into(), value.into()));
        self
    }

    /// Says what identifies the data: as long as it is the same, nothing that is made from the asset has to be made again. Without it,
    /// it is known from the code and the inputs, or from the content where the store can tell.
    #[must_use]
    pub fn data_version(mut self, version: impl Into<String>) -> Self {
        self.beside.data_version = Some(version.into());
        self
    }

    /// The value and the metadata that is recorded beside it.
    #[must_use]
    pub fn into_parts(self) -> (T, Vec<(String, MetadataValue)>) {
        (self.value, self.beside.metadata)
    }

    /// The value and everything that is recorded beside it.
    #[doc(hidden)]
    #[must_use]
    pub fn split(self) -> (T, Beside) {
        (self.value, self.beside)
    }
}

/// What a body handed back for one asset.
#[derive(Debug)]
pub(crate) enum ProducedValue {
    /// There is nothing to store.
    Nothing,
    /// One value for all of the slice.
    One(Value),
    /// A value for each of several partitions.
    Partitions(Vec<(PartitionKey, Value)>),
}

/// What a body handed back, one output per asset of the step and in the same order.
#[derive(Debug, Default)]
pub struct Produced {
    pub(crate) outputs: Vec<ProducedOutput>,
}

/// One output of a body.
#[derive(Debug)]
pub(crate) struct ProducedOutput {
    pub(crate) value: ProducedValue,
    pub(crate) beside: Beside,
}

impl Produced {
    /// No value: the effect is elsewhere, or an optional output has nothing to store.
    #[must_use]
    pub fn nothing() -> Self {
        Self::output(ProducedValue::Nothing)
    }

    /// One value.
    #[must_use]
    pub fn value(value: Value) -> Self {
        Self::output(ProducedValue::One(value))
    }

    /// A value for each of several partitions.
    #[must_use]
    pub fn partitions(values: Vec<(PartitionKey, Value)>) -> Self {
        Self::output(ProducedValue::Partitions(values))
    }

    fn output(value: ProducedValue) -> Self {
        Self { outputs: vec![ProducedOutput { value, beside: Beside::default() }] }
    }

    /// Records something beside the last output.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Vec<(String, MetadataValue)>) -> Self {
        if let Some(output) = self.outputs.last_mut() {
            output.beside.metadata.extend(metadata);
        }
        self
    }

    /// Says what identifies the data of the last output; see [`Output::data_version`].
    #[must_use]
    pub fn with_data_version(mut self, version: impl Into<String>) -> Self {
        if let Some(output) = self.outputs.last_mut() {
            output.beside.data_version = Some(version.into());
        }
        self
    }

    /// Records all of it beside the last output.
    #[doc(hidden)]
    #[must_use]
    pub fn with_beside(self, beside: Beside) -> Self {
        let Beside { metadata, data_version } = beside;
        let produced = self.with_metadata(metadata);
        match data_version {
            Some(version) => produced.with_data_version(version),
            None => produced,
        }
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
    /// The partitions that are made; none for an asset without partitions.
    keys: Option<KeySet>,
}

/// An input as it comes from its store.
struct Loaded {
    spec: InputSpec,
    value: InputValue,
    taken: bool,
}

/// What is stored for an input.
#[derive(Debug)]
pub(crate) enum InputValue {
    /// Nothing.
    Missing,
    /// All of it as one value.
    One(Value),
    /// A value for each partition, in the order of keys.
    Partitions(Vec<(PartitionKey, Value)>),
}

impl Call {
    pub(crate) fn new(
        context: Context,
        inputs: Vec<(InputSpec, InputValue)>,
        resources: Arc<Resources>,
        config: Option<Json>,
        keys: Option<KeySet>,
    ) -> Self {
        let inputs = inputs.into_iter().map(|(spec, value)| Loaded { spec, value, taken: false }).collect();
        Self { context, inputs, resources, config, keys }
    }

    /// The key of the partition that is made.
    ///
    /// # Errors
    /// If the asset has no partitions, or the body is called once for several.
    pub fn partition_key(&self) -> Result<PartitionKey> {
        match self.keys.as_ref().map(|keys| (keys.len(), keys.keys().next())) {
            Some((1, Some(key))) => Ok(key),
            Some((several, _)) => {
                Err(Error::new(ErrorKind::Internal, format!("the body is called for {several} partitions at once")))
            }
            None => Err(Error::new(ErrorKind::Internal, "the asset has no partitions")),
        }
    }

    /// The partition that is made.
    ///
    /// # Errors
    /// As [`Call::partition_key`], or if it is not one of `P`.
    pub fn partition<P: PartitionDefinition>(&self) -> Result<Partition<P>> {
        Partition::of(self.partition_key()?)
    }

    /// The keys of the partitions that are made.
    ///
    /// # Errors
    /// If the asset has no partitions.
    pub fn partition_keys(&self) -> Result<KeySet> {
        self.keys.clone().ok_or_else(|| Error::new(ErrorKind::Internal, "the asset has no partitions"))
    }

    /// The partitions that are made.
    ///
    /// # Errors
    /// If the asset has no partitions.
    pub fn partition_set<P: PartitionDefinition>(&self) -> Result<PartitionSet<P>> {
        Ok(PartitionSet::new(self.partition_keys()?))
    }

    /// The input with this name as a frame for each partition, in the order of keys.
    ///
    /// # Errors
    /// As [`Call::frame`].
    pub fn frames<F: Frame>(&mut self, parameter: &str) -> Result<Vec<(PartitionKey, F)>> {
        let read = |(key, value)| match value {
            Value::Table(table) => Ok((key, F::from_table(table)?)),
            other => Err(mismatch(parameter, &other, "frames")),
        };
        self.required_partitions(parameter)?.into_iter().map(read).collect()
    }

    /// The input with this name as an object for each partition, in the order of keys.
    ///
    /// # Errors
    /// As [`Call::object`].
    pub fn objects<T: DeserializeOwned>(&mut self, parameter: &str) -> Result<Vec<(PartitionKey, T)>> {
        let read = |(key, value)| match value {
            Value::Object(object) => Ok((key, object.decode()?)),
            other => Err(mismatch(parameter, &other, "objects")),
        };
        self.required_partitions(parameter)?.into_iter().map(read).collect()
    }

    /// The input with this name as bytes for each partition, in the order of keys.
    ///
    /// # Errors
    /// As [`Call::bytes`].
    pub fn bytes_each(&mut self, parameter: &str) -> Result<Vec<(PartitionKey, Bytes)>> {
        let read = |(key, value)| match value {
            Value::Bytes(bytes) => Ok((key, bytes)),
            other => Err(mismatch(parameter, &other, "bytes")),
        };
        self.required_partitions(parameter)?.into_iter().map(read).collect()
    }

    /// The step that the body runs in.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Runs something that may block, with the call at hand. Once the step [is to end](Context::is_canceled), a body goes no further than
    /// to the end of it.
    ///
    /// # Errors
    /// What the closure returns, or [`ErrorKind::Panic`] if it panicked.
    pub fn blocking<T, F>(self, job: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: FnOnce(Call) -> Result<T> + Send + 'static,
    {
        let context = self.context.clone();
        async move {
            // From here on it is at work, and not from when somebody may wait for it.
            let at_work = context.at_work();
            let job = move || {
                // Let go on the thread, which goes on when nobody waits for it any more.
                let _at_work = at_work;
                job(self)
            };
            let done = blocking(context.env(), job).await;
            // What comes after it in a body that is to end does not begin: whoever carries the body out drops it here.
            if context.is_canceled() { std::future::pending().await } else { done }
        }
    }

    /// As [`Call::blocking`], of a function: what generated code calls for a body that is not `async`.
    #[doc(hidden)]
    #[must_use]
    pub fn start(self, body: fn(Self) -> Result<Produced>) -> BoxFuture<'static, Result<Produced>> {
        Box::pin(self.blocking(body))
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
        self.inputs.iter().any(|input| input.spec.parameter == parameter && !matches!(input.value, InputValue::Missing))
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
        match self.take(parameter)? {
            InputValue::One(value) => Ok(value),
            _ => Err(Error::new(ErrorKind::Internal, format!("the input `{parameter}` is a map of partitions"))),
        }
    }

    fn required_partitions(&mut self, parameter: &str) -> Result<Vec<(PartitionKey, Value)>> {
        match self.take(parameter)? {
            InputValue::Partitions(values) => Ok(values),
            _ => Err(Error::new(ErrorKind::Internal, format!("the input `{parameter}` is no map of partitions"))),
        }
    }

    fn take(&mut self, parameter: &str) -> Result<InputValue> {
        let Some(input) = self.inputs.iter_mut().find(|input| input.spec.parameter == parameter) else {
            return Err(Error::new(ErrorKind::Internal, format!("the asset has no input `{parameter}`")));
        };
        match std::mem::replace(&mut input.value, InputValue::Missing) {
            InputValue::Missing if input.taken => {
                Err(Error::new(ErrorKind::Internal, format!("the input `{parameter}` was taken twice")))
            }
            InputValue::Missing => {
                let message = format!("nothing is stored for the input `{parameter}`");
                Err(Error::new(ErrorKind::Missing, message).help(format!("materialize `{}` first", input.spec.upstream)))
            }
            value => {
                input.taken = true;
                Ok(value)
            }
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
