//! JSON lines and Arrow IPC keep the rules of every store.

use lakewright::io::file::{IpcIoManager, JsonIoManager};

lakewright::conformance! {
    mod json: [error, ignore, lasting, snapshots, tables] => |place| JsonIoManager::new(place.folder())
}

lakewright::conformance! {
    mod ipc: [error, ignore, lasting, snapshots, tables] => |place| IpcIoManager::new(place.folder())
}
