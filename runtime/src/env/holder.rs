//! Processes, and whether they are still there.

use std::fmt;
use std::fs;

use serde::{Deserialize, Serialize};

/// A process that carries out a run: enough to tell, on its machine, whether it still does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holder {
    /// The name of its machine.
    pub host: String,
    /// Identifies the machine and when it was started; empty where that is not known.
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
            started: started(pid).unwrap_or_default(),
            nonce: format!("{nonce:016x}"),
        }
    }

    /// Whether it is certain that the process has ended: it was one of this machine, and there is none like it any more.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        // A container has processes of its own under the same boot; its name tells it from others.
        let here = !self.boot.is_empty()
            && boot().as_deref() == Some(self.boot.as_str())
            && host().as_deref() == Some(self.host.as_str());
        here && self.started != 0 && started(self.pid) != Some(self.started)
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

fn boot() -> Option<String> {
    read("/proc/sys/kernel/random/boot_id")
}

/// When a process that has not ended was started, in ticks since the machine was.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name of the program, in parentheses, and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // One that has ended and that nobody has asked after yet is still listed.
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
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
        let elsewhere = Holder { boot: "another machine".into(), pid: u32::MAX, ..here };
        assert!(!elsewhere.is_gone(), "nobody can tell from here");
    }
}
