//! What the process prints while a run goes on, whoever prints it: to the terminal as ever, and line by line into the log.
//!
//! Standard output and standard error are pipes in the meantime, and a thread reads each. That a step begins or ends is written into
//! the pipes too, as a mark between what was printed before and after, so a line belongs to the step that ran when it was printed and
//! not when it is read.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write, pipe, stderr, stdout};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use rustix::stdio::{dup2_stderr, dup2_stdout};

use super::Tee;
use super::sink::{LONGEST, Sink, StepOf};

/// Both streams, while they are pipes.
pub(super) struct Capture {
    streams: Vec<Captured>,
    sink: Arc<Sink>,
    marks: Marks,
}

/// One stream.
struct Captured {
    stream: Stream,
    /// What it was.
    saved: File,
    pipe: PipeWriter,
    read: Receiver<()>,
}

#[derive(Clone, Copy)]
enum Stream {
    Out,
    Err,
}

/// How marks in a pipe are told from what is printed.
#[derive(Clone)]
struct Marks {
    begin: Arc<[u8]>,
}

/// What a mark says.
enum Mark {
    Begins(StepOf),
    Ends(StepOf),
    Over,
}

const END_OF_MARK: u8 = 0;

impl Capture {
    /// With `apart`, what is printed to standard output goes to standard error, since something else is to be read from the former.
    pub(super) fn start(sink: &Arc<Sink>, around: &Tee, apart: bool) -> io::Result<Option<Self>> {
        let marks = Marks { begin: format!("\0lakewright-{:016x}:", rand::random::<u64>()).into_bytes().into() };
        let mut capture = Self { streams: Vec::new(), sink: Arc::clone(sink), marks: marks.clone() };
        for stream in [Stream::Out, Stream::Err] {
            // What is there already goes out before.
            stream.flush();
            let shown = if apart { Stream::Err } else { stream };
            let reading = Reading { stream, sink: Arc::clone(sink), around: Arc::clone(around), marks: marks.clone() };
            match shown.fd().and_then(|terminal| Captured::start(stream, File::from(terminal), reading)) {
                Ok(captured) => capture.streams.push(captured),
                Err(error) => {
                    capture.end(None);
                    return Err(error);
                }
            }
        }
        let pipes = capture.streams.iter().map(|captured| captured.pipe.try_clone()).collect::<io::Result<Vec<_>>>();
        let pipes = match pipes {
            Ok(pipes) => Mutex::new(pipes),
            Err(error) => {
                capture.end(None);
                return Err(error);
            }
        };
        sink.watch(Some(Box::new(move |step, begins| {
            let mark = if begins { Mark::Begins(step.clone()) } else { Mark::Ends(step.clone()) };
            let mark = marks.write(&mark);
            for pipe in pipes.lock().unwrap_or_else(PoisonError::into_inner).iter_mut() {
                // A mark that cannot be written leaves a line with no step.
                drop(pipe.write_all(&mark));
            }
        })));
        Ok(Some(capture))
    }

    /// Makes the streams what they were, and waits until all that was written is on them.
    pub(super) fn end(self, patience: Option<Duration>) {
        self.sink.watch(None);
        for Captured { stream, saved, mut pipe, read } in self.streams {
            if patience.is_none() {
                stream.flush();
            }
            if stream.becomes(saved.as_fd()).is_err() {
                continue;
            }
            // Others may have the pipe open, so its end is a mark.
            drop(pipe.write_all(&self.marks.write(&Mark::Over)));
            drop(pipe);
            match patience {
                Some(patience) => drop(read.recv_timeout(patience)),
                None => drop(read.recv()),
            }
        }
    }
}

impl Captured {
    fn start(stream: Stream, terminal: File, reading: Reading) -> io::Result<Self> {
        let saved = File::from(stream.fd()?);
        let (reader, pipe) = pipe()?;
        let (told, read) = channel();
        Builder::new().name("lakewright-output".to_owned()).spawn(move || {
            reading.all(reader, terminal);
            // Whoever waited may have given up.
            let _ = told.send(());
        })?;
        stream.becomes(pipe.as_fd())?;
        Ok(Self { stream, saved, pipe, read })
    }
}

impl Stream {
    fn flush(self) {
        // What cannot be written now could not be before.
        drop(match self {
            Self::Out => stdout().flush(),
            Self::Err => stderr().flush(),
        });
    }

    fn fd(self) -> io::Result<OwnedFd> {
        match self {
            Self::Out => stdout().as_fd().try_clone_to_owned(),
            Self::Err => stderr().as_fd().try_clone_to_owned(),
        }
    }

    fn becomes(self, other: BorrowedFd<'_>) -> io::Result<()> {
        match self {
            Self::Out => dup2_stdout(other)?,
            Self::Err => dup2_stderr(other)?,
        }
        Ok(())
    }

    fn level(self) -> &'static str {
        match self {
            Self::Out => "OUT",
            Self::Err => "ERR",
        }
    }

    fn target(self) -> &'static str {
        match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
        }
    }
}

impl Marks {
    fn write(&self, mark: &Mark) -> Vec<u8> {
        let text = match mark {
            Mark::Begins(step) => format!("+{}:{}", step.step, step.run),
            Mark::Ends(step) => format!("-{}:{}", step.step, step.run),
            Mark::Over => "!".to_owned(),
        };
        [&self.begin, text.as_bytes(), &[END_OF_MARK]].concat()
    }

    fn read(text: &[u8]) -> Option<Mark> {
        let text = std::str::from_utf8(text).ok()?;
        if text == "!" {
            return Some(Mark::Over);
        }
        let (sign, rest) = text.split_at_checked(1)?;
        let (step, run) = rest.split_once(':')?;
        let step = StepOf { run: run.to_owned(), step: step.parse().ok()? };
        match sign {
            "+" => Some(Mark::Begins(step)),
            "-" => Some(Mark::Ends(step)),
            _ => None,
        }
    }

    /// Where a mark begins, or what may be the beginning of one.
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        (0..bytes.len()).find(|at| {
            let rest = &bytes[*at..];
            let length = rest.len().min(self.begin.len());
            rest[0] == self.begin[0] && rest[..length] == self.begin[..length]
        })
    }
}

/// What a thread does with what comes out of a pipe.
struct Reading {
    stream: Stream,
    sink: Arc<Sink>,
    around: Tee,
    marks: Marks,
}

/// How far a thread is.
struct Progress {
    /// What may be a mark and is not all there.
    pending: Vec<u8>,
    /// A line without its end.
    line: Vec<u8>,
    running: Vec<StepOf>,
}

impl Reading {
    fn all(&self, mut pipe: PipeReader, mut terminal: File) {
        let mut state = Progress { pending: Vec::new(), line: Vec::new(), running: Vec::new() };
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = match pipe.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            state.pending.extend_from_slice(&buffer[..count]);
            if self.take(&mut state, &mut terminal) {
                break;
            }
        }
        let rest = std::mem::take(&mut state.pending);
        self.printed(&rest, &mut state, &mut terminal);
        self.line_ends(&mut state);
    }

    /// Takes what is there apart; whether it is over.
    fn take(&self, state: &mut Progress, terminal: &mut File) -> bool {
        loop {
            let pending = std::mem::take(&mut state.pending);
            let Some(at) = self.marks.find(&pending) else {
                self.printed(&pending, state, terminal);
                return false;
            };
            self.printed(&pending[..at], state, terminal);
            let after = at + self.marks.begin.len();
            let end = pending.get(after..).and_then(|rest| rest.iter().position(|byte| *byte == END_OF_MARK));
            let Some(end) = end else {
                state.pending = pending[at..].to_vec();
                return false;
            };
            let mark = Marks::read(&pending[after..after + end]);
            state.pending = pending[after + end + 1..].to_vec();
            if mark.is_some() {
                // What was printed without an end of a line is a line of those who ran.
                self.line_ends(state);
            }
            match mark {
                Some(Mark::Begins(step)) => state.running.push(step),
                Some(Mark::Ends(step)) => {
                    if let Some(at) = state.running.iter().position(|running| *running == step) {
                        state.running.remove(at);
                    }
                }
                Some(Mark::Over) => return true,
                None => {}
            }
        }
    }

    fn printed(&self, bytes: &[u8], state: &mut Progress, terminal: &mut File) {
        if bytes.is_empty() {
            return;
        }
        // A terminal that is gone is no reason to end a run.
        (self.around)(&mut || drop(terminal.write_all(bytes)));
        for byte in bytes {
            if *byte == b'\n' || state.line.len() >= LONGEST {
                self.line_ends(state);
            }
            if *byte != b'\n' {
                state.line.push(*byte);
            }
        }
    }

    fn line_ends(&self, state: &mut Progress) {
        let line = std::mem::take(&mut state.line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches('\r');
        if text.is_empty() {
            return;
        }
        self.sink.line(&state.running, self.stream.level(), self.stream.target(), text.to_owned());
    }
}
