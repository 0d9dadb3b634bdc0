//! What bodies use beside their inputs: connections, clients, settings of the whole lakehouse.

use std::any::{Any, TypeId, type_name};
use std::ops::Deref;
use std::sync::Arc;

use crate::asset::ResourceDef;
use crate::error::{Error, ErrorKind, Result, known_names};

/// A resource that a parameter asks for. It is found by the parameter's name and type, or by type alone if only one is bound.
///
/// ```
/// use lakewright::prelude::*;
///
/// struct Api { base: String }
///
/// #[asset]
/// fn address(api: Resource<Api>) -> String {
///     format!("{}/stations", api.base)
/// }
/// // A unit test hands one over.
/// assert_eq!(address(Resource::new(Api { base: "http://localhost".into() })), "http://localhost/stations");
/// ```
pub struct Resource<R> {
    value: Arc<R>,
}

impl<R> Resource<R> {
    /// Wraps a value, as a unit test needs it.
    pub fn new(value: R) -> Self {
        Self { value: Arc::new(value) }
    }
}

impl<R> Deref for Resource<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.value
    }
}

impl<R> Clone for Resource<R> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value) }
    }
}

/// A resource before it has a name.
pub(crate) struct Binding {
    type_id: TypeId,
    type_name: &'static str,
    value: Arc<dyn Any + Send + Sync>,
}

impl Binding {
    pub(crate) fn new<R: Send + Sync + 'static>(resource: R) -> Self {
        Self { type_id: TypeId::of::<R>(), type_name: type_name::<R>(), value: Arc::new(resource) }
    }
}

/// The resources of a lakehouse, by name.
#[derive(Clone, Default)]
pub(crate) struct Resources {
    bound: Vec<Bound>,
}

#[derive(Clone)]
struct Bound {
    name: String,
    type_id: TypeId,
    type_name: &'static str,
    value: Arc<dyn Any + Send + Sync>,
}

impl Resources {
    pub(crate) fn bind<R: Send + Sync + 'static>(&mut self, name: String, value: R) {
        self.add(name, Binding::new(value));
    }

    pub(crate) fn add(&mut self, name: String, Binding { type_id, type_name, value }: Binding) {
        self.bound.push(Bound { name, type_id, type_name, value });
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.bound.iter().any(|bound| bound.name == name)
    }

    /// The resource for a parameter, before anything runs.
    pub(crate) fn check(&self, def: &ResourceDef) -> Result<()> {
        self.find(def.parameter, (def.type_id)(), (def.type_name)()).map(|_| ())
    }

    pub(crate) fn get<R: Send + Sync + 'static>(&self, parameter: &str) -> Result<Resource<R>> {
        let bound = self.find(parameter, TypeId::of::<R>(), type_name::<R>())?;
        let value = Arc::clone(&bound.value).downcast();
        value.map(|value| Resource { value }).map_err(|_| Error::new(ErrorKind::Internal, "a resource changed its type"))
    }

    fn find(&self, parameter: &str, type_id: TypeId, type_name: &str) -> Result<&Bound> {
        if let Some(bound) = self.bound.iter().find(|bound| bound.name == parameter && bound.type_id == type_id) {
            return Ok(bound);
        }
        let of_type: Vec<_> = self.bound.iter().filter(|bound| bound.type_id == type_id).collect();
        match of_type[..] {
            [only] => Ok(only),
            [] => {
                let message = format!("no resource of type `{type_name}` is bound, as the parameter `{parameter}` asks for");
                let names: Vec<_> = self.bound.iter().map(|bound| format!("{}: {}", bound.name, bound.type_name)).collect();
                let known = known_names(parameter, "resources", names.iter().map(String::as_str));
                let help = format!("bind one with `.resource(\"{parameter}\", …)`; {known}");
                Err(Error::new(ErrorKind::UnboundResource, message).help(help))
            }
            _ => {
                let message = format!("several resources of type `{type_name}` are bound, none of them named `{parameter}`");
                let names: Vec<_> = of_type.iter().map(|bound| format!("`{}`", bound.name)).collect();
                let help = format!("name the parameter after one of them: {}", names.join(", "));
                Err(Error::new(ErrorKind::UnboundResource, message).help(help))
            }
        }
    }
}
