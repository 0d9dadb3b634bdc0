//! Refuses to keep a log where other machines can reach it.
//!
//! The processes that use a log share memory through the `-shm` file beside it. Those of two machines do not, and would write over each
//! other without noticing. Not on the list is what only some serve over a network, or what does not let memory be shared at all
//! (`9p`, `virtiofs`, folders of virtual machines): there `SQLite` finds out by itself.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// Types of file systems that several machines mount at once, as Linux names them.
const NETWORK: [&str; 30] = [
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "fhgfs",
    "fuse.beegfs",
    "fuse.ceph-fuse",
    "fuse.cephfs",
    "fuse.davfs2",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.juicefs",
    "fuse.moosefs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.seaweedfs",
    "fuse.sshfs",
    "gfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "pvfs2",
    "smb3",
    "smbfs",
];

/// Refuses a path in a folder that is there, if it is on such a file system. Says nothing where that cannot be told.
pub(super) fn refuse(path: &Path, folder: &Path) -> Result<()> {
    let Ok(mounts) = fs::read_to_string("/proc/self/mountinfo") else { return Ok(()) };
    // The file itself may be a link to another place.
    let Ok(place) = fs::canonicalize(path).or_else(|_| fs::canonicalize(folder)) else { return Ok(()) };
    match mounted(&mounts, &place) {
        Some((kind, at)) if NETWORK.contains(&kind) => Err(refused(path, kind, &at)),
        _ => Ok(()),
    }
}

fn refused(path: &Path, kind: &str, at: &Path) -> Error {
    let message = format!("the log `{}` is on a file system of the network, where processes cannot share it", path.display());
    Error::new(ErrorKind::Unsupported, message)
        .with("file system", format!("`{kind}`, mounted at `{}`", at.display()))
        .help("keep it on a disk of this machine; a log for several machines is one in Postgres")
}

/// The type of the file system that a path is on, and where it is mounted, by the lines of `/proc/self/mountinfo`.
fn mounted<'a>(mounts: &'a str, path: &Path) -> Option<(&'a str, PathBuf)> {
    let mount = |line: &'a str| {
        let (left, right) = line.split_once(" - ")?;
        let at = PathBuf::from(unescaped(left.split(' ').nth(4)?));
        path.starts_with(&at).then_some((right.split(' ').next()?, at))
    };
    // The innermost, and of those at one place the one that was mounted last and hides the others.
    mounts.lines().filter_map(mount).max_by_key(|(_, at)| at.components().count())
}

/// A path without its escapes: spaces and the like are a backslash and three octal digits.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut path = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        path.push(byte.unwrap_or(b'\\'));
        path.extend_from_slice(&part.as_bytes()[if byte.is_some() { 3 } else { 0 }..]);
    }
    String::from_utf8_lossy(&path).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 0:21 / / rw,relatime - ext4 /dev/vda rw
23 22 0:22 / /data rw,relatime shared:5 - nfs4 server:/data rw,vers=4.2
24 23 0:23 / /data/me/scratch rw - xfs /dev/vdb rw
25 22 0:24 / /mnt rw - autofs auto rw
26 25 0:25 / /mnt rw - cifs //server/share rw
27 22 0:26 / /media/two\\040words rw - fuse.sshfs me@there:/ rw
28 22 0:27 / /dataset rw - tmpfs tmpfs rw
29 22 0:28 / /proc rw";

    fn kind(path: &str) -> &str {
        mounted(MOUNTS, Path::new(path)).unwrap().0
    }

    #[test]
    fn a_path_is_on_the_innermost_mount_that_was_mounted_last() {
        assert_eq!(kind("/var/lib/state.db"), "ext4");
        assert_eq!(kind("/data/me/state.db"), "nfs4");
        assert_eq!(kind("/data"), "nfs4");
        assert_eq!(kind("/data/me/scratch/state.db"), "xfs");
        assert_eq!(kind("/mnt/state.db"), "cifs");
        assert_eq!(kind("/media/two words/state.db"), "fuse.sshfs");
        assert_eq!(kind("/dataset/state.db"), "tmpfs");
        assert_eq!(kind("/proc/1"), "ext4", "a line that cannot be read is no mount");
        assert_eq!(mounted("", Path::new("/data")), None);
    }

    #[test]
    fn what_is_refused_says_where_and_what_to_do() {
        assert!(NETWORK.contains(&kind("/data")) && !NETWORK.contains(&kind("/var")));
        let error = refused(Path::new("/data/me/state.db"), "nfs4", Path::new("/data"));
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("`/data/me/state.db` is on a file system of the network"), "{error:?}");
        assert_eq!(error.context().collect::<Vec<_>>(), [("file system", "`nfs4`, mounted at `/data`")]);
        assert!(error.help_text().unwrap().contains("Postgres"), "{error:?}");
    }
}
