//! One simulation: processes that begin runs, go on with them, cancel them and are killed, until all has been carried out to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use lakewright::env::Env;
use lakewright::exec::Interrupt;
use lakewright::state::{RunQuery, RunState, State};
use lakewright::{Error, ErrorKind, Lakehouse, Registry, Result, RunOptions};

use crate::assets::{Asset, POOL, Shape};
use crate::check::check;
use crate::log::{Disk, Log};
use crate::store::{Flaky, Shared};
use crate::world::{LONG, Process, World};

/// No simulation takes as many turns, unless nothing ever comes of it.
const TURNS: usize = 200_000;

/// How often everybody is looked at before it is said that nothing will happen any more.
const PATIENCE: usize = 100;

/// What is wrong on purpose.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    Nothing,
    Store,
    Log,
}

/// Where the log is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    Memory,
    #[cfg(feature = "sqlite")]
    File,
}

/// What a seed finds, if anything.
pub(crate) fn simulate(seed: u64, broken: Broken, place: Where) -> Result<(), String> {
    carry_out(seed, broken, place).1
}

/// Everything that the log has in the end.
pub(crate) fn story(seed: u64) -> String {
    carry_out(seed, Broken::Nothing, Where::Memory).0
}

fn carry_out(seed: u64, broken: Broken, place: Where) -> (String, Result<(), String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut simulation = Simulation::new(seed, broken, place);
    let found = runtime.block_on(simulation.carry_out());
    let events = simulation.disk.state().events(0, usize::MAX).unwrap();
    let told: Vec<String> = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    let told = told.join("\n");
    if std::env::var_os("LAKEWRIGHT_SIMULATION_SEED").is_some() {
        println!("{told}");
    }
    (told, found)
}

type Doing = Pin<Box<dyn Future<Output = Result<()>>>>;

/// A process and what it does.
struct Actor {
    process: Process,
    lakehouse: Lakehouse,
    doing: Option<Doing>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How often what goes wrong, in ten thousand.
struct Chances {
    kill: u64,
    freeze: u64,
    cancel: u64,
    power: u64,
}

struct Simulation {
    world: World,
    shape: Arc<Shape>,
    disk: Disk,
    shared: Shared,
    chances: Chances,
    actors: Vec<Actor>,
    processes: u32,
    /// How many things are still begun.
    left: u64,
}

impl Simulation {
    fn new(seed: u64, broken: Broken, place: Where) -> Self {
        let world = World::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(seed));
        let chance = |of: u64, most: u64| if world.happens(of) { world.below(most) } else { 0 };
        #[cfg_attr(not(feature = "sqlite"), expect(unused_mut, reason = "only a log in a file has more of it"))]
        let mut chances =
            Chances { kill: chance(7_000, 60), freeze: chance(3_000, 30), cancel: chance(4_000, 20), power: chance(3_000, 20) };
        #[cfg(feature = "sqlite")]
        if place == Where::File {
            chances.power = 40;
        }
        let mut disk = match place {
            Where::Memory => Disk::new(),
            #[cfg(feature = "sqlite")]
            Where::File => Disk::in_file(),
        };
        disk.repeats = broken == Broken::Log;
        disk.fails = chance(2_000, 60);
        let shared = Shared { forgets: broken == Broken::Store, fails: chance(7_000, 800), ..Shared::default() };
        let shape = Arc::new(Shape::random(&world));
        let left = world.below(8) + 3;
        Self { world, shape, disk, shared, chances, actors: Vec::new(), processes: 0, left }
    }

    fn actor(&mut self) -> Actor {
        self.processes += 1;
        let dies_after = self.world.goes_wrong(3_000).then(|| self.world.below(400) + 1);
        let process = Process::new(&self.world, self.processes, dies_after);
        let state: Arc<dyn State> = Arc::new(Log { disk: self.disk.clone(), process: process.clone() });
        let env: Arc<dyn Env> = Arc::new(process.clone());
        let builder = Lakehouse::builder()
            .registry(Registry::from_specs(self.shape.specs(&process)))
            .io_manager("store", Flaky { shared: self.shared.clone(), process: process.clone() })
            .state(state)
            .env(env)
            .parallelism(usize::try_from(self.world.below(4) + 1).unwrap());
        // A pool that nothing is in is a mistake.
        let is_pooled = self.shape.assets.iter().any(Asset::is_pooled);
        let builder = if is_pooled { builder.pool(POOL, self.shape.slots) } else { builder };
        let lakehouse = builder.build().unwrap();
        Actor { process, lakehouse, doing: None, woken: Arc::new(Woken(AtomicBool::new(true))) }
    }

    async fn carry_out(&mut self) -> Result<(), String> {
        for _ in 0..=self.world.below(3) {
            let actor = self.actor();
            self.actors.push(actor);
        }
        let mut quiet = 0;
        for _ in 0..TURNS {
            let busy = self.turn();
            tokio::task::yield_now().await;
            if let Some(found) = self.world.violation() {
                return Err(found);
            }
            if self.left == 0 && self.actors.iter().all(|actor| actor.doing.is_none()) {
                return self.settle().await;
            }
            quiet = if busy { 0 } else { quiet + 1 };
            if quiet > 2 && self.world.advance() {
                quiet = 0;
            }
            if quiet > PATIENCE {
                return Err("nothing will ever happen again".to_owned());
            }
        }
        Err("it does not come to an end".to_owned())
    }

    /// Lets each process do what it can, and something go wrong; whether any could.
    fn turn(&mut self) -> bool {
        let mut busy = false;
        if self.world.goes_wrong(self.chances.power) {
            self.cut();
        }
        for place in 0..self.actors.len() {
            if self.world.goes_wrong(self.chances.kill) {
                self.actors[place].process.kill();
            }
            if self.actors[place].process.is_killed() {
                // What it does is dropped where it waits.
                self.actors[place] = self.actor();
                busy = true;
            }
            if self.world.goes_wrong(self.chances.freeze) {
                let seconds =
                    if self.world.happens(3_000) { LONG.as_secs() + 15 + self.world.below(100) } else { self.world.below(30) };
                self.world.freeze(self.actors[place].process.pid, Duration::from_secs(seconds));
            }
            if self.actors[place].doing.is_none() && self.left > 0 {
                self.left -= 1;
                self.actors[place].doing = Some(self.next(place));
                self.actors[place].woken.0.store(true, Ordering::Relaxed);
            }
            if self.world.frozen(self.actors[place].process.pid).is_some() {
                continue;
            }
            busy |= self.actors[place].go_on();
        }
        if self.world.goes_wrong(self.chances.cancel) {
            self.cancel();
        }
        busy
    }

    /// The power goes.
    fn cut(&mut self) {
        self.actors.iter().for_each(|actor| actor.process.kill());
        let (durable, all) = self.disk.tail();
        let left = durable as u64 + self.world.below((all - durable) as u64 + 1);
        self.disk.cut(usize::try_from(left).unwrap());
    }

    fn cancel(&self) {
        let place = usize::try_from(self.world.below(self.actors.len() as u64)).unwrap();
        let lakehouse = &self.actors[place].lakehouse;
        let open = lakehouse.runs(&RunQuery { open: true, ..RunQuery::newest(9) }).unwrap_or_default();
        if let Some((record, _)) = open.get(usize::try_from(self.world.below(open.len() as u64)).unwrap()) {
            drop(lakehouse.cancel_run(&record.run));
        }
    }

    /// What a process does next.
    fn next(&self, place: usize) -> Doing {
        let lakehouse = self.actors[place].lakehouse.clone();
        let ended = self.disk.state().runs(&RunQuery::newest(99)).unwrap();
        let chosen = usize::try_from(self.world.below(ended.len() as u64)).unwrap();
        let ended = ended.get(chosen).map(|record| record.run.clone()).filter(|_| self.world.happens(4_000));
        if let Some(run) = ended {
            return match self.world.below(2) {
                0 => Box::pin(async move { lakehouse.resume(&run, Interrupt::new()).await.map(drop) }),
                _ => Box::pin(async move { lakehouse.retry_failed(&run, Interrupt::new()).await.map(drop) }),
            };
        }
        let (selection, choice) = self.shape.wanted(&self.world);
        let id = format!("r{}", self.left);
        Box::pin(async move {
            let plan = lakehouse.plan_for(&selection, &choice)?;
            lakehouse.run_with(plan, RunOptions::new().id(id)).await.map(drop)
        })
    }

    /// Nothing goes wrong any more, and every run is carried out to its end, the oldest first.
    async fn settle(&mut self) -> Result<(), String> {
        self.world.end_faults();
        self.actors.iter().for_each(|actor| actor.process.kill());
        // Nobody is waited for who may have lost its lease.
        self.world.pass(LONG * 4);
        let mut actor = self.actor();
        let lakehouse = actor.lakehouse.clone();
        actor.doing = Some(Box::pin(async move { lakehouse.close_lost_runs().await.map(drop) }));
        self.finish(&mut actor).await?.map_err(|error| format!("lost runs cannot be closed: {error:?}"))?;
        let mut runs = actor.lakehouse.runs(&RunQuery::newest(usize::MAX)).map_err(|error| format!("{error:?}"))?;
        runs.reverse();
        for (record, state) in runs {
            if state == RunState::Succeeded {
                continue;
            }
            let (lakehouse, run) = (actor.lakehouse.clone(), record.run.clone());
            actor.doing = Some(Box::pin(async move {
                let report = lakehouse.retry_failed(&run, Interrupt::new()).await?;
                let failures = report.failures().map(|(_, failure)| failure);
                match failures.into_iter().find(|failure| failure.code != ErrorKind::Superseded.code()) {
                    Some(failure) => Err(Error::new(ErrorKind::Internal, format!("{failure:?}"))),
                    None => Ok(()),
                }
            }));
            let ended = self.finish(&mut actor).await?;
            ended.map_err(|error| format!("run `{}`, which was {state:?}, does not come to its end: {error:?}", record.run))?;
        }
        let (shape, lakehouse, log) = (Arc::clone(&self.shape), actor.lakehouse.clone(), self.disk.state());
        let done = self.shared.done.lock().unwrap().clone();
        let checked: Doing = Box::pin(async move {
            check(&shape, &lakehouse, &log, &done).await.map_err(|what| Error::new(ErrorKind::Internal, what))
        });
        actor.doing = Some(checked);
        self.finish(&mut actor).await?.map_err(|error| error.message().to_owned())
    }

    /// Lets one process finish what it does, alone.
    async fn finish(&self, actor: &mut Actor) -> Result<Result<()>, String> {
        let mut doing = actor.doing.take().unwrap();
        let waker = Waker::from(Arc::clone(&actor.woken));
        let mut quiet = 0;
        for _ in 0..TURNS {
            if let Poll::Ready(ended) = doing.as_mut().poll(&mut Context::from_waker(&waker)) {
                return match self.world.violation() {
                    Some(found) => Err(found),
                    None => Ok(ended),
                };
            }
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            quiet = if actor.woken.0.swap(false, Ordering::Relaxed) || self.world.advance() { 0 } else { quiet + 1 };
            if quiet > PATIENCE {
                return Err("nothing will ever happen again".to_owned());
            }
        }
        Err("it does not come to an end".to_owned())
    }
}

impl Actor {
    /// Does what can be done without waiting; whether there was anything.
    fn go_on(&mut self) -> bool {
        let Some(doing) = &mut self.doing else { return false };
        if !self.woken.0.swap(false, Ordering::Relaxed) {
            return false;
        }
        let waker = Waker::from(Arc::clone(&self.woken));
        if doing.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            // How it ended is in the log.
            self.doing = None;
        }
        true
    }
}
