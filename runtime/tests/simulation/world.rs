//! Time, chance and processes, all of them made from one seed.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::future::BoxFuture;
use lakewright::env::{Env, Holder};
use lakewright::jiff::{SignedDuration, Timestamp};
use lakewright::{Error, ErrorKind, Result};

/// When virtual time begins: long after the last window of the partitions.
const EPOCH: i64 = 1_700_000_000;

/// Whose lease may be over in the meantime: a process that stood still for longer than this may find that another has its run.
pub(crate) const LONG: Duration = Duration::from_secs(50);

/// Everything that a simulation shares.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<Inner>>);

struct Inner {
    random: u64,
    clock: Duration,
    timers: BTreeMap<(Duration, u64), Waker>,
    given: u64,
    gone: BTreeSet<u32>,
    /// Until when a process stands still.
    frozen: BTreeMap<u32, Duration>,
    /// Those that once stood still for so long that their lease ran out.
    lapsed: BTreeSet<u32>,
    /// Whether anything goes wrong.
    faults: bool,
    at_work: Vec<AtWork>,
    violation: Option<String>,
}

struct AtWork {
    token: u64,
    process: u32,
    what: String,
    pool: Option<(String, usize)>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            random: seed,
            clock: Duration::ZERO,
            timers: BTreeMap::new(),
            given: 0,
            gone: BTreeSet::new(),
            frozen: BTreeMap::new(),
            lapsed: BTreeSet::new(),
            faults: true,
            at_work: Vec::new(),
            violation: None,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// The next random number (`SplitMix64`).
    pub(crate) fn random(&self) -> u64 {
        let mut inner = self.inner();
        inner.random = inner.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = inner.random;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A random number below another.
    pub(crate) fn below(&self, limit: u64) -> u64 {
        self.random() % limit.max(1)
    }

    /// Whether something happens that happens so many times in ten thousand.
    pub(crate) fn happens(&self, in_ten_thousand: u64) -> bool {
        self.below(10_000) < in_ten_thousand
    }

    /// As [`World::happens`], for what goes wrong: nothing does in the end.
    pub(crate) fn goes_wrong(&self, in_ten_thousand: u64) -> bool {
        self.happens(in_ten_thousand) && self.inner().faults
    }

    fn has_faults(&self) -> bool {
        self.inner().faults
    }

    pub(crate) fn end_faults(&self) {
        self.inner().faults = false;
    }

    pub(crate) fn clock(&self) -> Duration {
        self.inner().clock
    }

    pub(crate) fn now(&self) -> Timestamp {
        let epoch = Timestamp::from_second(EPOCH).unwrap();
        epoch + SignedDuration::try_from(self.clock()).unwrap()
    }

    /// Goes on to when something is next to happen; false if nothing ever is.
    pub(crate) fn advance(&self) -> bool {
        let mut inner = self.inner();
        let Some(((at, _), waker)) = inner.timers.pop_first() else { return false };
        inner.clock = inner.clock.max(at);
        drop(inner);
        waker.wake();
        true
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.inner().clock += time;
    }

    fn wake_at(&self, at: Duration, waker: Waker) -> (Duration, u64) {
        let mut inner = self.inner();
        inner.given += 1;
        let key = (at, inner.given);
        inner.timers.insert(key, waker);
        key
    }

    fn forget(&self, timer: Option<(Duration, u64)>) {
        if let Some(timer) = timer {
            self.inner().timers.remove(&timer);
        }
    }

    pub(crate) fn end(&self, process: u32) {
        self.inner().gone.insert(process);
    }

    fn is_gone(&self, process: u32) -> bool {
        self.inner().gone.contains(&process)
    }

    pub(crate) fn freeze(&self, process: u32, time: Duration) {
        let mut inner = self.inner();
        let until = inner.clock + time;
        inner.frozen.insert(process, until);
        inner.given += 1;
        let key = (until, inner.given);
        // It may be that nothing else happens until then.
        inner.timers.insert(key, Waker::noop().clone());
        if time > LONG {
            inner.lapsed.insert(process);
        }
    }

    /// Until when a process stands still, if it does.
    pub(crate) fn frozen(&self, process: u32) -> Option<Duration> {
        let inner = self.inner();
        inner.frozen.get(&process).copied().filter(|until| *until > inner.clock)
    }

    /// What was found that must not be; the first counts.
    pub(crate) fn violated(&self, what: impl FnOnce() -> String) {
        let mut inner = self.inner();
        if inner.violation.is_none() {
            inner.violation = Some(what());
        }
    }

    pub(crate) fn violation(&self) -> Option<String> {
        self.inner().violation.clone()
    }

    /// A body begins. Of one part of an asset there is never another, and never too many of a pool.
    pub(crate) fn begin_work(&self, process: u32, what: &str, pool: Option<(String, usize)>) -> Work {
        let mut inner = self.inner();
        inner.given += 1;
        let token = inner.given;
        // Of a process that lost its lease nobody knows whether it is still there.
        let counts = |inner: &Inner, process: u32| !inner.gone.contains(&process) && !inner.lapsed.contains(&process);
        let others: Vec<&AtWork> = inner.at_work.iter().filter(|other| counts(&inner, other.process)).collect();
        let mut found = None;
        if counts(&inner, process) {
            if let Some(other) = others.iter().find(|other| other.what == what) {
                found = Some(format!("`{what}` is made by process {process} while process {} makes it", other.process));
            }
            if let Some((pool, limit)) = &pool {
                let at_work = others.iter().filter(|other| other.pool.as_ref().is_some_and(|(other, _)| other == pool)).count();
                if at_work >= *limit {
                    found = Some(format!("`{what}` is one too many in the pool `{pool}` of {limit}"));
                }
            }
        }
        inner.at_work.push(AtWork { token, process, what: what.to_owned(), pool });
        drop(inner);
        if let Some(found) = found {
            self.violated(|| found);
        }
        Work { world: self.clone(), token }
    }
}

/// A body that has not ended.
pub(crate) struct Work {
    world: World,
    token: u64,
}

impl Drop for Work {
    fn drop(&mut self) {
        self.world.inner().at_work.retain(|work| work.token != self.token);
    }
}

/// A process, as its log, its stores and its bodies know it.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) world: World,
    pub(crate) pid: u32,
    life: Arc<Mutex<Life>>,
}

struct Life {
    /// After how many operations the process is killed, if it is.
    left: Option<u64>,
    killed: bool,
    nonce: u64,
}

impl Process {
    pub(crate) fn new(world: &World, pid: u32, dies_after: Option<u64>) -> Self {
        let life = Life { left: dies_after, killed: false, nonce: 0 };
        Self { world: world.clone(), pid, life: Arc::new(Mutex::new(life)) }
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.life.lock().unwrap().killed
    }

    /// Nothing that it does from now on has an effect.
    pub(crate) fn kill(&self) {
        self.life.lock().unwrap().killed = true;
        self.world.end(self.pid);
    }

    /// An instant at which the process may be killed. What the error says is never heard: it is for a process that is no more.
    pub(crate) fn instant(&self) -> Result<()> {
        let mut life = self.life.lock().unwrap();
        if let Some(left) = &mut life.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                life.killed = true;
            }
        }
        let killed = life.killed;
        drop(life);
        if killed {
            self.world.end(self.pid);
            return Err(Error::new(ErrorKind::Interrupted, "the process was killed"));
        }
        Ok(())
    }

    /// Waits for a random while, which may be none.
    pub(crate) async fn pause(&self) {
        self.sleep(self.duration()).await;
    }

    /// As [`Process::pause`], whatever becomes of the process: what was sent is on its way.
    pub(crate) async fn travel(&self) {
        let until = self.world.clock() + self.duration();
        Sleep { world: self.world.clone(), pid: None, until, timer: None }.await;
    }

    fn duration(&self) -> Duration {
        Duration::from_millis(match self.world.below(4) {
            _ if !self.world.has_faults() => 0,
            0 => 0,
            1 => self.world.below(5),
            2 => self.world.below(300),
            _ => self.world.below(3_000),
        })
    }
}

impl Env for Process {
    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn elapsed(&self) -> Duration {
        self.world.clock()
    }

    fn random(&self) -> u64 {
        self.world.random()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let until = self.world.clock() + duration;
        Box::pin(Sleep { world: self.world.clone(), pid: Some(self.pid), until, timer: None })
    }

    fn run_blocking(&self, job: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, Result<(), String>> {
        job();
        Box::pin(std::future::ready(Ok(())))
    }

    fn holder(&self) -> Holder {
        let mut life = self.life.lock().unwrap();
        life.nonce += 1;
        Holder {
            host: "simulation".to_owned(),
            boot: String::new(),
            pid: self.pid,
            started: 1,
            nonce: format!("{:016x}", life.nonce),
        }
    }

    fn is_gone(&self, holder: &Holder) -> bool {
        self.world.is_gone(holder.pid)
    }
}

/// Ends at a moment, or once its process goes on if it stands still then.
struct Sleep {
    world: World,
    /// The process that has to be there, if any.
    pid: Option<u32>,
    until: Duration,
    timer: Option<(Duration, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let frozen = self.pid.and_then(|pid| self.world.frozen(pid));
        // Even a sleep of no time lets others go first.
        if frozen.is_none() && self.timer.is_some() && self.world.clock() >= self.until {
            return Poll::Ready(());
        }
        self.world.forget(self.timer);
        let wakes = frozen.unwrap_or_default().max(self.until);
        self.timer = Some(self.world.wake_at(wakes, context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.world.forget(self.timer);
    }
}
