//! What goes wrong on the way: nothing stored is harmed, and the error says what and where.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use lakewright::exec::SystemEnv;
use lakewright::frame::Frame;
use lakewright::io::bigquery::{BigQueryIoManager, Credentials};
use lakewright::io::{Committed, RunInfo, StoreRequest};
use lakewright::prelude::*;
use lakewright::{AssetSpec, CommitId, ErrorKind, IoManager, Slice, Value};

use super::emulator::Project;
use crate::support::{abc, block_on, frame_asset, frame_builder};

/// What becomes of a request on its way to the emulator.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Pass,
    /// It is done, and the connection is cut before the answer.
    CutAfter,
    /// It is not done, and the answer is this one.
    Answer(u16, &'static str),
}

type Decide = Box<dyn FnMut(&str) -> Fate + Send>;

/// Stands between the store and the emulator, and remembers what was asked.
struct Proxy {
    endpoint: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn new(to: &str, decide: impl FnMut(&str) -> Fate + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let decide: Arc<Mutex<Decide>> = Arc::new(Mutex::new(Box::new(decide)));
        let (to, own, log) = (to.strip_prefix("http://").unwrap().to_owned(), endpoint.clone(), Arc::clone(&seen));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (to, own, log, decide) = (to.clone(), own.clone(), Arc::clone(&log), Arc::clone(&decide));
                std::thread::spawn(move || serve(client.unwrap(), &to, &own, &log, &decide));
            }
        });
        Self { endpoint, seen }
    }

    fn count(&self, what: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|request| request.contains(what)).count()
    }
}

/// One request of a connection, which is closed then.
fn serve(mut client: TcpStream, to: &str, own: &str, log: &Mutex<Vec<String>>, decide: &Mutex<Decide>) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:").map(str::to_owned));
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    client.read_exact(&mut body).unwrap();
    let request = format!("{head}{}", String::from_utf8_lossy(&body));
    log.lock().unwrap().push(request.clone());
    let fate = (decide.lock().unwrap())(&request);
    if let Fate::Answer(status, body) = fate {
        write!(client, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).unwrap();
        return;
    }
    let mut server = TcpStream::connect(to).unwrap();
    let head = head.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
    server.write_all(head.as_bytes()).unwrap();
    server.write_all(&body).unwrap();
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).unwrap();
    if fate == Fate::Pass {
        // Uploads go on where the answer says.
        let text = String::from_utf8_lossy(&answer).replace(&format!("http://{to}"), own);
        drop(client.write_all(text.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1).as_bytes()));
    }
}

/// Stages and commits three rows by hand.
fn put(store: &BigQueryIoManager, asset: &AssetSpec, number: i64, frame: DataFrame) -> lakewright::Result<Committed> {
    let (run, env) = (RunInfo::new(format!("run{number}"), 1), Arc::new(SystemEnv::new()));
    let request = StoreRequest::new(asset, &Slice::Whole, &run, env);
    let id = CommitId::new("log", &asset.key, &Slice::Whole, number);
    block_on(async {
        let staged = store.stage(request.clone(), Value::Table(frame.into_table())).await?;
        store.commit(request, vec![staged], &id).await
    })
}

fn appended() -> AssetSpec {
    frame_builder("t", abc(), |asset| asset.mode(lakewright::Mode::Append))
}

#[test]
fn a_commit_whose_answer_is_cut_off_is_made_once() {
    let Some(project) = Project::new() else { return };
    let mut left = 1;
    let proxy = Proxy::new(&project.endpoint, move |request| {
        let cut = request.contains("BEGIN TRANSACTION") && left > 0;
        left -= i32::from(cut);
        if cut { Fate::CutAfter } else { Fate::Pass }
    });
    let store = project.store_at(&proxy.endpoint);
    put(&store, &appended(), 1, abc()).unwrap();
    assert_eq!(project.numbers("SELECT a FROM public.t"), [1, 2, 3]);
    let again = put(&store, &appended(), 1, abc()).unwrap();
    assert!(again.already);
    put(&store, &appended(), 2, abc()).unwrap();
    assert_eq!(project.numbers("SELECT a FROM public.t"), [1, 1, 2, 2, 3, 3]);
    let older = put(&store, &appended(), 1, abc()).unwrap_err();
    assert_eq!(older.kind(), ErrorKind::Superseded);
}

#[test]
fn a_commit_that_never_gets_through_changes_nothing_and_may_be_retried() {
    let Some(project) = Project::new() else { return };
    put(&project.store(), &appended(), 1, abc()).unwrap();
    let proxy = Proxy::new(&project.endpoint, |request| {
        if request.contains("BEGIN TRANSACTION") {
            Fate::Answer(403, r#"{"error":{"code":403,"message":"no","errors":[{"reason":"accessDenied"}]}}"#)
        } else {
            Fate::Pass
        }
    });
    let error = put(&project.store_at(&proxy.endpoint), &appended(), 2, abc()).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Io, false));
    assert!(format!("{error:?}").contains(&format!("{}.public.t", project.name)), "{error:?}");
    assert!(error.help_text().unwrap().contains("BigQuery Data Editor"));
    assert_eq!(project.numbers("SELECT a FROM public.t"), [1, 2, 3]);
    put(&project.store(), &appended(), 2, abc()).unwrap();
    assert_eq!(project.numbers("SELECT a FROM public.t"), [1, 1, 2, 2, 3, 3]);
}

#[test]
fn a_transaction_that_somebody_else_aborts_is_made_again_under_another_identifier() {
    let Some(project) = Project::new() else { return };
    let mut left = 2;
    let proxy = Proxy::new(&project.endpoint, move |request| {
        let lost = request.contains("BEGIN TRANSACTION") && left > 0;
        left -= i32::from(lost);
        if !lost {
            return Fate::Pass;
        }
        // The job was made, and has ended so.
        Fate::Answer(
            200,
            r#"{"jobReference":{"jobId":"of the server"},"status":{"state":"DONE","errorResult":{"reason":"invalidQuery",
            "message":"Transaction is aborted due to concurrent update against table t"}}}"#,
        )
    });
    put(&project.store_at(&proxy.endpoint), &appended(), 1, abc()).unwrap();
    assert_eq!(project.numbers("SELECT a FROM public.t"), [1, 2, 3]);
    let seen = proxy.seen.lock().unwrap().clone();
    let jobs: Vec<&str> = seen
        .iter()
        .filter(|request| request.contains("BEGIN TRANSACTION"))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|request| request.split("\"jobId\":\"").nth(1).unwrap().split('"').next().unwrap())
        .collect();
    assert_eq!(jobs.len(), 3);
    assert!(jobs[0].ends_with("_0") && jobs[1].ends_with("_1") && jobs[2].ends_with("_2"), "{jobs:?}");
    assert_eq!(jobs[0].rsplit_once('_').unwrap().0, jobs[2].rsplit_once('_').unwrap().0);
}

#[test]
fn what_passes_is_tried_again_and_a_load_is_found_by_its_identifier() {
    let Some(project) = Project::new() else { return };
    let (mut busy, mut duplicate) = (2, 1);
    let proxy = Proxy::new(&project.endpoint, move |request| {
        if request.starts_with("POST /bigquery") && request.contains("INSERT INTO") && busy > 0 {
            busy -= 1;
            return Fate::Answer(503, r#"{"error":{"code":503,"message":"busy","errors":[{"reason":"backendError"}]}}"#);
        }
        if request.starts_with("PUT /upload") && duplicate > 0 {
            duplicate -= 1;
            return Fate::CutAfter;
        }
        if request.starts_with("GET") && request.contains("/jobs/lakewright_load_") {
            return Fate::Answer(200, r#"{"status":{"state":"DONE"},"statistics":{"load":{"outputRows":"3"}}}"#);
        }
        if request.starts_with("POST /upload") && duplicate == 0 {
            return Fate::Answer(409, r#"{"error":{"code":409,"message":"Already Exists","errors":[{"reason":"duplicate"}]}}"#);
        }
        Fate::Pass
    });
    put(&project.store_at(&proxy.endpoint), &appended(), 1, abc()).unwrap();
    assert_eq!(project.numbers("SELECT a FROM public.t"), [1, 2, 3]);
    assert_eq!(proxy.count("/jobs/lakewright_load_"), 1, "the job that had been begun was found");
    assert_eq!(proxy.count("PUT /upload"), 1, "and the rows were not sent twice");
}

#[test]
fn nobody_there_is_an_error_that_may_pass_and_says_where() {
    let store = BigQueryIoManager::new("nobody").endpoint("http://127.0.0.1:9").credentials(Credentials::Anonymous);
    let error = put(&store, &frame_asset("t", abc()), 1, abc()).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Io, true));
    assert!(format!("{error:?}").contains("nobody.public.t"), "{error:?}");
}

#[test]
fn credentials_are_never_shown_and_wrong_ones_are_an_error_of_configuration() {
    const SECRET: &str = "c2VjcmV0LWtleS1tYXRlcmlhbA==";
    let store = BigQueryIoManager::new("project").endpoint("http://127.0.0.1:9").credentials(Credentials::Base64(SECRET.into()));
    assert!(!format!("{store:?}").contains(SECRET));
    let error = put(&store, &frame_asset("t", abc()), 1, abc()).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Config, false));
    assert!(!format!("{error:?}").contains("secret") && !format!("{error:?}").contains(SECRET), "{error:?}");
    let store = store.credentials(Credentials::File("no/such/key.json".into()));
    let error = put(&store, &frame_asset("t", abc()), 1, abc()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("no/such/key.json"), "{error}");
    let store = BigQueryIoManager::new("My Project");
    let errors = crate::support::lakehouse(&tempfile::tempdir().unwrap(), [frame_asset("t", abc())])
        .io_manager("io_manager", store)
        .build()
        .unwrap_err();
    assert_eq!(errors.errors()[0].kind(), ErrorKind::Config);
}
