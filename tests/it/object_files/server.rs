//! An S3 server on loopback: `s3s-fs`, which is S3 in all that matters here, behind as much of HTTP as its clients speak.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, OnceLock};

use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpRequest, HttpResponse};
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};

pub(super) const BUCKET: &str = "lake";
pub(super) const KEY: &str = "lakewright";
pub(super) const SECRET: &str = "a-secret-that-is-never-told";

/// Requests whose answers are lost.
static LOST: Mutex<Vec<(&str, String)>> = Mutex::new(Vec::new());

/// The next request of this method with this in its path is carried out, and the connection is cut before its answer.
pub(super) fn lose_answer(method: &'static str, path: &str) {
    LOST.lock().unwrap().push((method, path.to_owned()));
}

type Deed = Box<dyn FnOnce() + Send>;

/// What happens before requests.
static BEFORE: Mutex<Vec<(&str, String, Deed)>> = Mutex::new(Vec::new());

/// The next request of this method with this in its path is carried out after this was done.
pub(super) fn before(method: &'static str, path: &str, deed: impl FnOnce() + Send + 'static) {
    BEFORE.lock().unwrap().push((method, path.to_owned(), Box::new(deed)));
}

fn is_of(request: &HttpRequest, method: &str, path: &str) -> bool {
    request.method() == method && request.uri().path().contains(path)
}

fn is_lost(request: &HttpRequest) -> bool {
    let mut lost = LOST.lock().unwrap();
    let this = lost.iter().position(|(method, path)| is_of(request, method, path));
    this.map(|this| lost.remove(this)).is_some()
}

fn comes_before(request: &HttpRequest) -> Option<Deed> {
    let mut all = BEFORE.lock().unwrap();
    let this = all.iter().position(|(method, path, _)| is_of(request, method, path));
    this.map(|this| all.remove(this).2)
}

struct Server {
    endpoint: String,
    _root: TempDir,
    _runtime: Runtime,
}

/// The URL of the server, which is started when it is first needed and lives as long as the process.
pub(super) fn endpoint() -> &'static str {
    static SERVER: OnceLock<Server> = OnceLock::new();
    &SERVER.get_or_init(start).endpoint
}

fn start() -> Server {
    let root = TempDir::new().unwrap();
    std::fs::create_dir(root.path().join(BUCKET)).unwrap();
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root.path()).unwrap());
    builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = builder.build();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let handle = runtime.handle().clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (service, handle) = (service.clone(), handle.clone());
            // A client that goes away is its own affair.
            std::thread::spawn(move || drop(serve(&stream, &service, &handle)));
        }
    });
    Server { endpoint, _root: root, _runtime: runtime }
}

/// The requests of one connection, one after the other.
fn serve(stream: &TcpStream, service: &S3Service, handle: &Handle) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some((head_only, request)) = request(&mut reader)? {
        if let Some(deed) = comes_before(&request) {
            deed();
        }
        let lost = is_lost(&request);
        let answer = handle.block_on(async { service.call(request).await });
        if lost {
            return Ok(());
        }
        let mut response = answer.unwrap_or_else(|_| {
            let mut failed = HttpResponse::new(Body::default());
            *failed.status_mut() = "500".parse().unwrap();
            failed
        });
        let body = handle.block_on(response.body_mut().store_all_limited(usize::MAX)).map_err(std::io::Error::other)?;
        let mut text = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
        for (name, value) in response.headers() {
            if name != "transfer-encoding" {
                text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
            }
        }
        if !response.headers().contains_key("content-length") && response.status() != 204 {
            text.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
        }
        text.extend(b"\r\n");
        if !head_only {
            text.extend_from_slice(&body);
        }
        writer.write_all(&text)?;
    }
    Ok(())
}

/// The next request, and whether it wants no body; nothing when the client is done.
fn request(reader: &mut impl BufRead) -> std::io::Result<Option<(bool, HttpRequest)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, uri) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut request = HttpRequest::new(Body::default());
    *request.method_mut() = method.parse().map_err(std::io::Error::other)?;
    *request.uri_mut() = uri.parse().map_err(std::io::Error::other)?;
    let (mut length, mut headers) = (0, HashMap::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().map_err(std::io::Error::other)?;
        }
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    *request.headers_mut() = (&headers).try_into().map_err(std::io::Error::other)?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    *request.body_mut() = Body::from(body);
    Ok(Some((method == "HEAD", request)))
}
