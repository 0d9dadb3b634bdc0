//! The signals of the process: they end what goes on, and once that is done, the process.
//!
//! They are heard on a thread of their own, so that neither steps that compute nor what is shown of a run in the end keeps anybody from
//! stopping it.

use std::process::exit;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;

use super::output::Recorder;
use super::{EXIT_INTERRUPTED, complain};
use crate::exec::Interrupt;
use crate::report::ConsoleReporter;

/// What is done about the signals of the process.
pub(super) struct Signals {
    /// The command that goes on with what was ended.
    goes_on: String,
    reporter: Arc<ConsoleReporter>,
    recorder: Recorder,
}

/// What signals are for: what goes on, or went on last.
struct Attended {
    signals: Signals,
    /// Ends it; absent once it is done.
    interrupt: Option<Interrupt>,
    /// Whether there was a request to end.
    terminated: bool,
}

/// A process has its signals once, whatever it does.
static ATTENDED: Mutex<Option<Attended>> = Mutex::new(None);

#[derive(Clone, Copy)]
enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// A request to end.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are such only on unix"))]
    Terminate,
}

/// Does something that the signals of the process end. Once it is done, they end the process.
pub(super) async fn until_done<F, T>(signals: Signals, work: impl FnOnce(Interrupt) -> F) -> T
where
    F: Future<Output = T>,
{
    let interrupt = Interrupt::new();
    *attended() = Some(Attended { signals, interrupt: Some(interrupt.clone()), terminated: false });
    listen();
    let done = work(interrupt).await;
    if let Some(attended) = attended().as_mut() {
        attended.interrupt = None;
    }
    done
}

impl Signals {
    /// Of something that this command goes on with, and that this one shows.
    pub(super) fn shown(goes_on: String, reporter: Arc<ConsoleReporter>) -> Self {
        Self { goes_on, reporter, recorder: Recorder::off() }
    }

    /// Of something whose steps nobody shows, and that this command goes on with.
    pub(super) fn new(goes_on: String) -> Self {
        Self::shown(goes_on, Arc::new(ConsoleReporter::new()))
    }

    /// What its steps write is recorded there.
    pub(super) fn recorded(self, recorder: Recorder) -> Self {
        Self { recorder, ..self }
    }

    /// Ends the process, whatever goes on in it. What was printed before is shown.
    fn stop(&self) -> ! {
        self.recorder.stop();
        complain(&format!("stopped; `{}` goes on with it", self.goes_on));
        exit(EXIT_INTERRUPTED.into())
    }
}

fn attended() -> MutexGuard<'static, Option<Attended>> {
    ATTENDED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the signals heard from now on.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (told, listens) = channel();
        let work = move || {
            // Without it they do to this process what they do to any.
            if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
                runtime.block_on(hear(told));
            }
        };
        if thread::Builder::new().name("lakewright-signals".to_owned()).spawn(work).is_ok() {
            // Nothing begins that could not be ended. Who cannot listen says nothing, and goes.
            let _ = listens.recv();
        }
    });
}

#[cfg(unix)]
async fn hear(told: Sender<()>) {
    use tokio::signal::unix::{SignalKind, signal};

    let (Ok(mut interrupts), Ok(mut requests)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return;
    };
    let _ = told.send(());
    loop {
        tokio::select! {
            Some(()) = interrupts.recv() => heard(Signal::Interrupt),
            Some(()) = requests.recv() => heard(Signal::Terminate),
            else => return,
        }
    }
}

#[cfg(not(unix))]
async fn hear(told: Sender<()>) {
    let _ = told.send(());
    while tokio::signal::ctrl_c().await.is_ok() {
        heard(Signal::Interrupt);
    }
}

/// The first Ctrl-C lets what has begun finish, and a request to end cancels it. The second of either, or either once it is done, ends the
/// process at once.
fn heard(signal: Signal) {
    let mut attended = attended();
    let Some(Attended { signals, interrupt, terminated }) = attended.as_mut() else { exit(EXIT_INTERRUPTED.into()) };
    let Some(interrupt) = interrupt else {
        signals.recorder.stop();
        exit(EXIT_INTERRUPTED.into())
    };
    match signal {
        Signal::Interrupt if !interrupt.is_raised() => {
            let on = format!("`{}` goes on with the rest", signals.goes_on);
            let what = "interrupted: what has begun is finished, nothing else begins; Ctrl-C again stops at once";
            signals.reporter.say(&format!("{what}. {on}"));
            interrupt.raise();
        }
        Signal::Terminate if !*terminated => {
            let on = format!("`{}` goes on with it", signals.goes_on);
            signals.reporter.say(&format!("terminated: what has begun ends as soon as it can. {on}"));
            *terminated = true;
            interrupt.cancel();
        }
        Signal::Interrupt | Signal::Terminate => signals.stop(),
    }
}
