//! Stands between a log and its server, and cuts connections in the middle of a commit.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Before the server hears of the commit.
    Before,
    /// When the server has made it, and before anybody hears.
    After,
}

pub(super) struct Proxy {
    pub(super) url: String,
    /// How many commits are still to be cut.
    left: Arc<AtomicUsize>,
    /// How many connections are still to be turned away.
    away: Arc<AtomicUsize>,
    /// How many connections there were.
    pub(super) connections: Arc<AtomicUsize>,
}

impl Proxy {
    pub(super) fn new(url: &str, cut: Cut) -> Self {
        let (before, rest) = url.split_once('@').unwrap();
        let (server, after) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{before}@{}/{after}?sslmode=disable", listener.local_addr().unwrap());
        let none = || Arc::new(AtomicUsize::new(0));
        let (left, away, connections) = (none(), none(), none());
        let (server, cuts, turns, count) = (server.to_owned(), Arc::clone(&left), Arc::clone(&away), Arc::clone(&connections));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                let mut client = client.unwrap();
                if one_less(&turns) {
                    // As a pool says it whose server is away.
                    assert_ne!(client.read(&mut [0; 4096]).unwrap(), 0);
                    client.write_all(&fatal("08P01", "server login has been failing, try again later")).unwrap();
                    continue;
                }
                let server = TcpStream::connect(&server).unwrap();
                let cuts = Arc::clone(&cuts);
                std::thread::spawn(move || pass(&client, &server, cut, &cuts));
            }
        });
        Self { url, left, away, connections }
    }

    /// Turns the next connections away.
    pub(super) fn turn_away(&self, connections: usize) {
        self.away.store(connections, Ordering::SeqCst);
    }

    /// Cuts the next commits.
    pub(super) fn cut(&self, commits: usize) {
        self.left.store(commits, Ordering::SeqCst);
    }

    /// Whether all were cut and turned away.
    pub(super) fn is_done(&self) -> bool {
        [&self.left, &self.away].iter().all(|left| left.load(Ordering::SeqCst) == 0)
    }
}

/// Whether there was one.
fn one_less(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// What a server says last to whom it turns away.
pub(super) fn fatal(code: &str, message: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    [&b"E"[..], &length.to_be_bytes(), fields.as_bytes()].concat()
}

/// Passes on what both say; requests by this thread, answers by another.
fn pass(client: &TcpStream, server: &TcpStream, cut: Cut, left: &Arc<AtomicUsize>) {
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let held = Arc::new(AtomicUsize::new(0));
    let holding = Arc::clone(&held);
    let answers = std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        let mut tail = Vec::new();
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if holding.load(Ordering::SeqCst) == 1 {
                // The tag of a commit that was made; after it the connection is closed.
                if names_a_commit(&mut tail, &buffer[..length]) {
                    break;
                }
                continue;
            }
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
        drop(from.shutdown(Shutdown::Both));
    });
    let (mut from, mut to) = (client, server);
    let mut buffer = vec![0; 65536];
    let mut tail = Vec::new();
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let commits = names_a_commit(&mut tail, &buffer[..length]);
        if commits && one_less(left) {
            if cut == Cut::Before {
                break;
            }
            held.store(1, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    if held.load(Ordering::SeqCst) == 0 {
        drop(from.shutdown(Shutdown::Both));
        drop(to.shutdown(Shutdown::Both));
    }
    answers.join().unwrap();
}

/// Whether the word is there, perhaps begun in what came before.
fn names_a_commit(tail: &mut Vec<u8>, more: &[u8]) -> bool {
    tail.extend_from_slice(more);
    let found = tail.windows(7).any(|text| text == b"COMMIT\0");
    tail.drain(..tail.len().saturating_sub(6));
    found
}
