//! Processes, and whether they are still there.

use std::fmt;
use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

/// A process that carries out a run: enough to tell, on its machine, whether it still does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// The name of its machine.
    pub host: String,
    /// Identifies the machine, when it was started, and within it those whose processes are counted together; empty where that is not
    /// known.
    pub boot: String,
    /// The process.
    pub pid: u32,
    /// When the process was started, as the system counts, since the numbers of processes are given again; 0 where it does not say.
    pub started: u64,
    /// Tells two that one process carried out one after the other.
    pub nonce: String,
}

impl Holder {
    /// This process.
    #[must_use]
    pub fn here(nonce: u64) -> Self {
        let pid = std::process::id();
        Self {
            host: host().unwrap_or_else(|| "unknown".to_owned()),
            boot: boot().unwrap_or_default(),
            pid,
            started: started(pid).ok().flatten().unwrap_or_default(),
            nonce: format!("{nonce:016x}"),
        }
    }

    /// Whether it is certain that the process has ended: it was one of this machine, and there is none like it any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let here = !self.boot.is_empty()
            && boot().as_deref() == Some(self.boot.as_str())
            && host().as_deref() == Some(self.host.as_str());
        // One that cannot be looked at may be there.
        here && self.started != 0
            && read("/proc/self/mounts").is_some_and(|mounts| shows_all(&mounts))
            && started(self.pid).is_ok_and(|found| found != Some(self.started))
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on `{}`", self.pid, self.host)
    }
}

fn host() -> Option<String> {
    read("/proc/sys/kernel/hostname").or_else(|| std::env::var("HOSTNAME").or_else(|_| std::env::var("COMPUTERNAME")).ok())
}

/// Containers of one machine have the same boot and may have one name, but each has processes of its own: the numbers of one are told from
/// those of another by the namespace that they are of.
fn boot() -> Option<String> {
    // What is mounted there may be of another namespace, and show others under our numbers.
    let own = fs::read_link("/proc/self").ok()?;
    if own.to_str()? != std::process::id().to_string() {
        return None;
    }
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", read("/proc/sys/kernel/random/boot_id")?, namespace.to_str()?))
}

/// Whether `/proc` shows the processes of everybody, by what is mounted where: it can be told to hide those of other users, who then look
/// as if they were gone.
fn shows_all(mounts: &str) -> bool {
    let options = |line: &str| {
        let mut fields = line.split(' ').skip(1);
        (fields.next() == Some("/proc") && fields.next() == Some("proc")).then(|| fields.next().unwrap_or_default().to_owned())
    };
    let mut mounted = mounts.lines().filter_map(options).peekable();
    mounted.peek().is_some() && mounted.all(|options| options.split(',').all(|option| !option.starts_with("hidepid=")))
}

/// The error of the system for a process that ends while it is looked at.
const NO_SUCH_PROCESS: i32 = 3;

/// When a process was started, in ticks since the machine was; nothing if there is none, or it has ended.
fn started(pid: u32) -> io::Result<Option<u64>> {
    let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_PROCESS) => {
            return Ok(None);
        }
        stat => stat?,
    };
    let unreadable = || io::Error::from(io::ErrorKind::InvalidData);
    // The second field is the name of the program, in parentheses, and may hold anything.
    let mut fields = stat.rsplit_once(')').ok_or_else(unreadable)?.1.split_whitespace();
    // One that has ended and that nobody has asked after yet is still listed.
    let state = fields.next().ok_or_else(unreadable)?;
    if matches!(state, "Z" | "X") {
        return Ok(None);
    }
    fields.nth(18).and_then(|ticks| ticks.parse().ok()).map(Some).ok_or_else(unreadable)
}

fn read(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_there_and_one_that_was_is_not() {
        let here = Holder::here(1);
        assert!(here.started > 0 && !here.boot.is_empty());
        assert!(!here.is_gone());
        assert!(Holder { started: here.started + 1, ..here.clone() }.is_gone(), "another process has its number");
        assert!(Holder { pid: u32::MAX, ..here.clone() }.is_gone());
        let elsewhere = |boot: &str| Holder { boot: boot.to_owned(), pid: u32::MAX, ..here.clone() };
        assert!(!elsewhere("another machine").is_gone(), "nobody can tell from here");
        // A container beside this one, of the same name, whose processes have numbers of their own.
        let (boot, namespace) = here.boot.split_once(' ').unwrap();
        assert!(namespace.starts_with("pid:["), "{namespace}");
        assert!(!elsewhere(&format!("{boot} pid:[1]")).is_gone());
        // As it was written before namespaces were looked at.
        assert!(!elsewhere(boot).is_gone());
    }

    #[test]
    fn processes_that_are_hidden_are_not_taken_for_gone() {
        let open = "sysfs /sys sysfs rw,nosuid 0 0\nproc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n";
        assert!(shows_all(open));
        assert!(!shows_all("sysfs /sys sysfs rw,nosuid 0 0\n"), "nobody knows what is there");
        for hidden in ["hidepid=2", "hidepid=invisible", "hidepid=ptraceable,gid=4"] {
            assert!(!shows_all(&format!("{open}proc /proc proc rw,relatime,{hidden} 0 0\n")), "{hidden}");
        }
        // One for others to look into.
        assert!(shows_all(&format!("{open}proc /chroot/proc proc rw,hidepid=2 0 0\n")));
    }
}
