//! Deletion vectors: which rows of a data file are no longer in the table.
//!
//! The format is that of the [protocol](https://github.com/delta-io/delta/blob/master/PROTOCOL.md#deletion-vector-format): a 64-bit
//! roaring bitmap behind a magic number, either in the log as Z85 text or in a file with a checksum.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use deltalake_core::kernel::{DeletionVectorDescriptor, StorageType};
use deltalake_core::logstore::object_store::local::LocalFileSystem;
use deltalake_core::logstore::object_store::path::Path as ObjectPath;
use deltalake_core::logstore::object_store::{ObjectStore, ObjectStoreExt};
use roaring::RoaringTreemap;
use url::Url;

use super::opened::Opened;
use crate::error::{Error, ErrorKind, Result};
use crate::io::storage::Storage;

/// What the bytes of a bitmap begin with.
const MAGIC: u32 = 1_681_511_377;
/// The length of an identifier in Z85.
const ENCODED_ID: usize = 20;

/// The rows that are gone, by the path of their data file.
pub(super) type Deleted = HashMap<String, Arc<RoaringTreemap>>;

/// The deleted rows of all files of this version of the table.
pub(super) async fn deleted(opened: &Opened, path: &Storage) -> Result<Deleted> {
    let mut deleted = Deleted::new();
    let store = opened.log_store().object_store(None);
    for file in opened.files() {
        let Some(vector) = file.deletion_vector_descriptor() else { continue };
        let broken = |why: String| {
            let message = format!("the deletion vector of `{}` in `{}` cannot be read: {why}", file.path(), path.display());
            Error::new(ErrorKind::Corrupt, message).help("restore the table to an earlier version, or repair it")
        };
        let bytes = match vector.storage_type {
            StorageType::Inline => {
                z85(vector.path_or_inline_dv.as_bytes()).ok_or_else(|| broken("it is no Z85 text".to_owned()))?
            }
            StorageType::UuidRelativePath => {
                let name = relative(&vector.path_or_inline_dv).ok_or_else(|| broken("it has no file name".to_owned()))?;
                fetch(store.as_ref(), &name, &vector).await.map_err(broken)?
            }
            StorageType::AbsolutePath => {
                let local = Url::parse(&vector.path_or_inline_dv).ok().and_then(|url| url.to_file_path().ok());
                let Some(local) = local else {
                    let message = format!("the table in `{}` keeps deletion vectors outside its folder", path.display());
                    return Err(Error::new(ErrorKind::Unsupported, message).help("it is a shallow clone; copy it in full"));
                };
                let name = ObjectPath::from_absolute_path(&local).map_err(|error| broken(error.to_string()))?;
                fetch(&LocalFileSystem::new(), name.as_ref(), &vector).await.map_err(broken)?
            }
        };
        let rows = bitmap(&bytes).map_err(broken)?;
        if i64::try_from(rows.len()) != Ok(vector.cardinality) {
            return Err(broken(format!("it deletes {} rows, and the log says {}", rows.len(), vector.cardinality)));
        }
        deleted.insert(file.path().into_owned(), Arc::new(rows));
    }
    Ok(deleted)
}

/// The bytes of one vector in a file that may hold many: its length, the bytes, a checksum.
async fn fetch(store: &dyn ObjectStore, name: &str, vector: &DeletionVectorDescriptor) -> Result<Vec<u8>, String> {
    let wrong = |_| "its place in the file is out of range".to_owned();
    let start = u64::try_from(vector.offset.unwrap_or(1)).map_err(wrong)?;
    let size = u64::try_from(vector.size_in_bytes).map_err(wrong)?;
    let range: Range<u64> = start..start + 4 + size + 4;
    let at = ObjectPath::parse(name).map_err(|error| error.to_string())?;
    let found = store.get_range(&at, range.clone()).await.map_err(|error| error.to_string())?;
    if found.len() as u64 != range.end - range.start {
        return Err("its file is cut short".to_owned());
    }
    let (length, rest) = found.split_at(4);
    let (bytes, checksum) = rest.split_at(rest.len() - 4);
    if length != u32::try_from(size).unwrap_or_default().to_be_bytes() {
        return Err("its file says another length than the log".to_owned());
    }
    if checksum != crc32(bytes).to_be_bytes() {
        return Err("its checksum is wrong".to_owned());
    }
    Ok(bytes.to_vec())
}

fn bitmap(bytes: &[u8]) -> Result<RoaringTreemap, String> {
    match bytes.split_first_chunk::<4>() {
        Some((magic, bitmap)) if u32::from_le_bytes(*magic) == MAGIC => {
            RoaringTreemap::deserialize_from(bitmap).map_err(|error| error.to_string())
        }
        _ => Err("it is in a form that is not known here".to_owned()),
    }
}

/// The file that an encoded identifier names, with the random prefix before it as a folder.
fn relative(encoded: &str) -> Option<String> {
    let (prefix, id) = encoded.split_at_checked(encoded.len().checked_sub(ENCODED_ID)?)?;
    let hex: Vec<String> = z85(id.as_bytes())?.iter().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    let name = format!("deletion_vector_{}-{}-{}-{}-{}.bin", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    Some(if prefix.is_empty() { name } else { format!("{prefix}/{name}") })
}

/// The bytes of a text in [Z85](https://rfc.zeromq.org/spec/32/): five characters for four bytes.
fn z85(text: &[u8]) -> Option<Vec<u8>> {
    const DIGITS: &[u8; 85] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let (fives, rest) = text.as_chunks::<5>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(fives.len() * 4);
    for five in fives {
        let mut value: u64 = 0;
        for character in five {
            value = value * 85 + DIGITS.iter().position(|digit| digit == character)? as u64;
        }
        bytes.extend(u32::try_from(value).ok()?.to_be_bytes());
    }
    Some(bytes)
}

/// CRC-32 as in zip files.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::{crc32, relative, z85};

    #[test]
    fn texts_of_the_specifications() {
        assert_eq!(z85(b"HelloWorld").unwrap(), [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B]);
        assert_eq!(z85(b"Hell"), None);
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let named = relative("ab^-aqEH.-t@S}K{vb[*k^").unwrap();
        assert_eq!(named, "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin");
    }
}
