//! Objects and bytes as files: JSON, MessagePack, plots, models.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::asset::{AssetSpec, ValueKind};
use crate::commit::CommitId;
use crate::env::{Env, blocking};
use crate::error::{Error, ErrorKind, Result};
use crate::io::files::{FilePlace, FileSpace};
use crate::io::storage::Storage;
use crate::io::{
    Capabilities, CommitState, Committed, Description, IoManager, LoadRequest, Location, OptionDef, OptionKind, OwnedRequest,
    Probe, Staged, StoreRequest,
};
use crate::metadata::MetadataValue;
use crate::slice::Slice;
use crate::value::{Bytes, Object, ObjectFormat, Value};

const OPTIONS: &[OptionDef] = &[
    OptionDef { name: "format", kind: OptionKind::OneOf(&["json", "msgpack"]), about: "how objects are written (json)" },
    OptionDef { name: "extension", kind: OptionKind::Text, about: "the extension of bytes, where their file is external" },
];

/// Keeps each object or byte string in a file of its own: `<base>/<key…>.<extension>`.
///
/// ```no_run
/// use lakewright::io::fs::FsIoManager;
/// use lakewright::Lakehouse;
///
/// let lakehouse = Lakehouse::builder().io_manager("fs", FsIoManager::new("lakehouse/fs")).build()?;
/// # Ok::<(), lakewright::BuildError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FsIoManager {
    files: FileSpace,
    format: ObjectFormat,
}

impl FsIoManager {
    /// Files under this folder, which is made when something is stored.
    pub fn new(base: impl Into<PathBuf>) -> Self {
        Self::at(Storage::local(base))
    }

    /// Files in this folder or part of a bucket.
    #[must_use]
    pub fn at(storage: Storage) -> Self {
        Self { files: FileSpace::at(storage), format: ObjectFormat::default() }
    }

    /// How objects are written, unless their asset says otherwise.
    #[must_use]
    pub fn format(mut self, format: ObjectFormat) -> Self {
        self.format = format;
        self
    }

    fn object_format(&self, asset: &AssetSpec) -> ObjectFormat {
        match asset.store_option("format") {
            Some(MetadataValue::Text(format)) if format == "msgpack" => ObjectFormat::MessagePack,
            Some(MetadataValue::Text(_)) => ObjectFormat::Json,
            _ => self.format,
        }
    }

    /// The extension of the file that is there, or of the one that would be.
    ///
    /// Bytes bring their own, so for them the manifest knows. A file that somebody else put there has none: its asset says the
    /// extension with `store(extension = "…")`.
    fn extension(&self, asset: &AssetSpec, place: &FilePlace) -> Result<String> {
        if asset.output.kind == ValueKind::Object {
            return Ok(self.object_format(asset).extension().to_owned());
        }
        if let Some(MetadataValue::Text(extension)) = asset.store_option("extension") {
            return Ok(extension.clone());
        }
        Ok(self.files.manifest(place)?.map_or_else(|| "bin".to_owned(), |manifest| manifest.extension))
    }
}

#[async_trait]
impl IoManager for FsIoManager {
    fn capabilities(&self) -> Capabilities {
        Capabilities::new("the file store", &[ValueKind::Object, ValueKind::Bytes]).options(OPTIONS)
    }

    fn locate(&self, asset: &AssetSpec, slice: &Slice) -> Result<Location> {
        let extension = match (asset.output.kind, asset.store_option("extension")) {
            (ValueKind::Object, _) => self.object_format(asset).extension(),
            (_, Some(MetadataValue::Text(extension))) => {
                checked_extension(asset, extension)?;
                extension
            }
            _ => "*",
        };
        self.files.locate(asset, slice, extension)
    }

    async fn load(&self, request: LoadRequest<'_>) -> Result<Option<Value>> {
        let (store, asset) = (self.clone(), request.asset.clone());
        let place = FilePlace::of_keys(&asset.key, request.keys()?.as_ref())?;
        blocking(&request.env, move || {
            let extension = store.extension(&asset, &place)?;
            let Some(bytes) = store.files.bytes(&store.files.key(&place, &extension)?)? else { return Ok(None) };
            Ok(Some(match asset.output.kind {
                ValueKind::Object => Value::Object(Object::encoded(store.object_format(&asset), bytes)),
                _ => Value::Bytes(Bytes::new(bytes, extension)),
            }))
        })
        .await
    }

    async fn stage(&self, request: StoreRequest<'_>, value: Value) -> Result<Staged> {
        let (store, asset, env) = (self.clone(), request.asset.clone(), Arc::clone(&request.env));
        let place = FilePlace::of_keys(&asset.key, request.keys()?.as_ref())?;
        blocking(&request.env, move || {
            let (bytes, extension) = match value {
                Value::Object(object) => {
                    let format = store.object_format(&asset);
                    (object.encode(format)?, format.extension().to_owned())
                }
                Value::Bytes(bytes) => {
                    let extension = checked_extension(&asset, bytes.extension())?;
                    (bytes.into_vec(), extension)
                }
                Value::Table(_) => return Err(Error::new(ErrorKind::StoreCannotHold, "the file store does not hold frames")),
            };
            let (file, mut upload) = store.files.create(&place, &extension, env.as_ref())?;
            let written = upload.write_all(&bytes).map_err(Error::from).and_then(|()| upload.finish());
            match written {
                Ok(()) => store.files.staged(file, false, None).map(|staged| staged.digest_of(&bytes)),
                Err(error) => Err(store.files.abandoned(&file, error, &asset.key)),
            }
        })
        .await
    }

    async fn commit(&self, request: StoreRequest<'_>, staged: Vec<Staged>, id: &CommitId) -> Result<Committed> {
        let (files, id, owned) = (self.files.clone(), id.clone(), OwnedRequest::of(&request));
        blocking(&request.env, move || files.commit_all(&owned.request(), &staged, &id)).await
    }

    async fn discard(&self, request: StoreRequest<'_>, staged: Vec<Staged>) -> Result<()> {
        let files = self.files.clone();
        blocking(&request.env, move || files.discard(&staged)).await
    }

    async fn committed(&self, request: StoreRequest<'_>, ids: &[CommitId]) -> Result<Vec<CommitState>> {
        let places = FilePlace::each_of_keys(&request.asset.key, request.keys()?.as_ref());
        let (files, ids) = (self.files.clone(), ids.to_vec());
        blocking(&request.env, move || files.committed_in_all(&places, &ids)).await
    }

    async fn describe(&self, request: LoadRequest<'_>) -> Result<Description> {
        let (store, asset, keys) = (self.clone(), request.asset.clone(), request.keys()?);
        blocking(&request.env, move || {
            if asset.partitions.is_some() && keys.as_ref().is_none_or(|keys| keys.len() != 1) {
                // Which files there are is for the definition to say.
                let exists = store.files.folder_exists(&store.files.folder_key(&asset.key)?)?;
                return Ok(Description { exists, ..Description::default() });
            }
            let place = FilePlace::of_keys(&asset.key, keys.as_ref())?;
            store.files.describe(&place, &store.extension(&asset, &place)?)
        })
        .await
    }

    async fn delete(&self, request: StoreRequest<'_>) -> Result<()> {
        let place = FilePlace::of_keys(&request.asset.key, request.keys()?.as_ref())?;
        let (store, asset, env) = (self.clone(), request.asset.clone(), Arc::clone(&request.env));
        blocking(&request.env, move || store.files.delete(&place, &store.extension(&asset, &place)?, env.as_ref())).await
    }

    async fn probe(&self, env: &dyn Env) -> Probe {
        self.files.probe(env)
    }
}

/// The extension of bytes as part of a path: short, and without separators.
fn checked_extension(asset: &AssetSpec, extension: &str) -> Result<String> {
    let declared = asset.store_option("extension");
    if let Some(MetadataValue::Text(declared)) = declared
        && declared != extension
    {
        let message = format!("`{}` declares the extension `{declared}` and its bytes say `{extension}`", asset.key);
        return Err(Error::new(ErrorKind::Value, message).help("make the two agree, or leave the option out"));
    }
    let plain = !extension.is_empty() && extension.len() <= 16 && extension.chars().all(|c| c.is_ascii_alphanumeric());
    if !plain {
        let message = format!("{extension:?} cannot be the extension of a file");
        return Err(Error::new(ErrorKind::Value, message).help("use up to 16 ASCII letters and digits, without the dot"));
    }
    Ok(extension.to_owned())
}
