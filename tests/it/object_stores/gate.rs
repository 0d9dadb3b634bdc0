//! What stands between a store and an emulator: it counts, answers by itself, forgets conditions, or cuts the connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What a gate does with requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Does {
    /// Lets them through.
    Pass,
    /// Answers with this status instead.
    Answer(u16),
    /// Lets through those that do not write, and of those that do, cuts the connection in the middle of the body.
    CutWrites,
    /// Lets through commits and cuts the connection before the answer.
    CutAnswersOfCommits,
    /// Keeps commits to itself and cuts the connection, and refuses to list what is there once after that.
    KeepCommits,
    /// Lets them through without their conditions.
    ForgetConditions,
}

#[derive(Default)]
struct Seen {
    heads: Vec<String>,
    bytes_down: u64,
    kept: Option<(String, Vec<u8>)>,
    has_refused: bool,
}

/// A gate in front of an emulator.
pub(super) struct Gate {
    pub(super) at: String,
    to: String,
    seen: Arc<Mutex<Seen>>,
    does: Arc<Mutex<Does>>,
}

impl Gate {
    pub(super) fn new(to: &str, does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let (seen, does) = (Arc::<Mutex<Seen>>::default(), Arc::new(Mutex::new(does)));
        let to = to.strip_prefix("http://").unwrap().to_owned();
        let gate = Self { at, to: to.clone(), seen: Arc::clone(&seen), does: Arc::clone(&does) };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (to, seen, does) = (to.clone(), Arc::clone(&seen), Arc::clone(&does));
                std::thread::spawn(move || {
                    // Whoever went away in the middle of it is what is tested.
                    drop(serve(client, &to, &seen, &does));
                });
            }
        });
        gate
    }

    pub(super) fn now(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    /// Lets the commit through that it kept to itself.
    pub(super) fn let_go(&self) {
        let (head, body) = self.seen.lock().unwrap().kept.take().expect("a commit was kept");
        forward(&self.to, &head, &body).unwrap();
    }

    /// The heads of the requests so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.seen.lock().unwrap().heads.clone()
    }

    /// The bytes that were read so far.
    pub(super) fn bytes_down(&self) -> u64 {
        self.seen.lock().unwrap().bytes_down
    }
}

/// One request and its answer, each on a connection of its own to the emulator.
#[expect(clippy::never_loop, reason = "every way out of it is a return")]
fn serve(mut client: TcpStream, to: &str, seen: &Mutex<Seen>, does: &Mutex<Does>) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            client.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let mut head = String::from_utf8_lossy(&head).into_owned();
        seen.lock().unwrap().heads.push(head.clone());
        let lower = head.to_ascii_lowercase();
        let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok()).unwrap_or(0);
        let does = *does.lock().unwrap();
        let writes = head.starts_with("PUT") || head.starts_with("POST");
        let commits = head.starts_with("PUT") && head.contains("_delta_log/0") && head.contains(".json");
        match does {
            Does::Answer(status) => {
                let mut body = vec![0; length];
                client.read_exact(&mut body)?;
                write!(client, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
                return client.shutdown(Shutdown::Both);
            }
            Does::CutWrites if writes => {
                let mut half = vec![0; length / 2];
                client.read_exact(&mut half)?;
                return client.shutdown(Shutdown::Both);
            }
            Does::KeepCommits if commits => {
                let mut body = vec![0; length];
                client.read_exact(&mut body)?;
                seen.lock().unwrap().kept = Some((head, body));
                return client.shutdown(Shutdown::Both);
            }
            Does::KeepCommits if head.contains("list-type=2") => {
                let mut seen = seen.lock().unwrap();
                if seen.kept.is_some() && !std::mem::replace(&mut seen.has_refused, true) {
                    write!(client, "HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
                    return client.shutdown(Shutdown::Both);
                }
            }
            Does::ForgetConditions => {
                let lines = head.split_inclusive("\r\n");
                head = lines.filter(|line| !line.to_ascii_lowercase().starts_with("if-none-match")).collect();
            }
            _ => {}
        }
        let mut body = vec![0; length];
        client.read_exact(&mut body)?;
        let answer = forward(to, &head, &body)?;
        seen.lock().unwrap().bytes_down += answer.len() as u64;
        if does == Does::CutAnswersOfCommits && commits {
            return client.shutdown(Shutdown::Both);
        }
        client.write_all(&answer)?;
        client.shutdown(Shutdown::Both)?;
        return Ok(());
    }
}

/// The answer to a request.
fn forward(to: &str, head: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(to)?;
    let closing = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    server.write_all(closing.as_bytes())?;
    server.write_all(body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    Ok(answer)
}
