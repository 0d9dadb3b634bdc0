//! What generated code names, and nobody else: everything here may change with any release.

use std::any::TypeId;

pub use inventory;
pub use jiff;

pub use futures::future::BoxFuture;

pub use crate::asset::{Asset, AssetDef, Calls, ConfigDef, InputDef, Literal, Mode, OutputSpec, ResourceDef, Source};
pub use crate::call::{BodyError, Call, Output, Produced};
pub use crate::columns::{ColumnDef, Columns, check_column, check_partition_column, check_rows};
pub use crate::context::Context;
pub use crate::error::{Error, Result};
pub use crate::partition::edge::{edge, known_key, mapped, mapped_dimension, previous};
pub use crate::partition::own::{every_dimension, known_dimension, map_of, one_dimension, one_expression, own};
pub use crate::partition::{
    AssetShape, DimensionShape, Every, MappingDef, Partition, PartitionDefinition, PartitionKey, PartitionsDef, Shape, ShapeKind,
    TimeDef, TimePartitions,
};
pub use crate::registry::Registered;
pub use crate::settings::AssetConfig;
pub use crate::typed::{ColumnsOf, Native, OptionalSerde, Poisoned, Probe, Serde, Unknown, UnknownColumns};

pub mod partition {
    //! What the implementations of partition definitions are made of.

    pub use crate::partition::generated::*;
}

use crate::error::ErrorKind;
use crate::resource::Resource;
use crate::settings::Config;

/// The error of a body, as the step reports it. What one of ours among its causes says to do about it, and that it may pass, holds of the step
/// as well.
pub fn body_error<E: BodyError>(error: E) -> Error {
    let error = error.into_box();
    let mut body = Error::new(ErrorKind::Body, error.to_string());
    let mut causes = std::iter::successors(Some(&*error as &(dyn std::error::Error + 'static)), |error| error.source());
    if let Some(own) = causes.find_map(|cause| cause.downcast_ref::<Error>()) {
        if let Some(help) = own.help_text() {
            body = body.help(help);
        }
        if own.is_retryable() {
            body = body.retryable();
        }
    }
    body.source(error)
}

/// A resource that a parameter asks for: its record, and what hands it over. One value, since each mention of a type that does not
/// fit would be an error of its own.
pub struct ResourceParameter<R> {
    /// The record.
    pub def: ResourceDef,
    /// Hands it over.
    pub take: fn(&Call, &str) -> Result<Resource<R>>,
}

/// A parameter that asks for a resource.
#[must_use]
pub const fn resource<R: AssetResource>(parameter: &'static str) -> ResourceParameter<R> {
    let def = ResourceDef { parameter, type_id: TypeId::of::<R>, type_name: std::any::type_name::<R> };
    ResourceParameter { def, take: Call::resource }
}

/// What a type needs so that it can be a resource.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a resource",
    label = "not shared between threads",
    note = "assets run in several threads, so a resource has to be `Send + Sync + 'static`"
)]
pub trait AssetResource: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<R: Send + Sync + 'static> AssetResource for R {}

/// The configuration that a parameter asks for: its record, and what hands it over.
pub struct ConfigParameter<C> {
    /// The record.
    pub def: ConfigDef,
    /// Hands it over.
    pub take: fn(&Call) -> Result<Config<C>>,
}

/// A parameter that asks for configuration.
#[must_use]
pub const fn config<C: AssetConfig>(parameter: &'static str) -> ConfigParameter<C> {
    let def = ConfigDef { parameter, defaults: C::defaults, check: |json| C::read(json).map(|_| ()) };
    ConfigParameter { def, take: Call::config }
}
