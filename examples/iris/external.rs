//! The other team: it keeps `iris_harvest_data`, which this program reads and never writes.

use std::fs;
use std::io;
use std::path::Path;

/// Puts the table where it belongs, unless it is there.
pub(crate) fn deliver(schema: &Path) -> io::Result<()> {
    let target = schema.join("iris_harvest_data");
    if target.exists() {
        return Ok(());
    }
    fs::create_dir_all(schema)?;
    // Copied beside and renamed, so that two programs that start at once do not see half a table.
    let staging = schema.join(format!(".iris_harvest_data.{}", std::process::id()));
    copy(&lakewright_examples::data("external/iris_harvest_data"), &staging)?;
    match fs::rename(&staging, &target) {
        Err(_) if target.exists() => fs::remove_dir_all(&staging),
        renamed => renamed,
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() { copy(&entry.path(), &target)? } else { fs::copy(entry.path(), target).map(|_| ())? }
    }
    Ok(())
}
