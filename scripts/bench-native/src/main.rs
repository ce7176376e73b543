//! What the functions of `scripts/bench` do, as a native server: hyper with one
//! thread and runtime for each core it may use. Argument: the address; or
//! `commits FOLDER`, which prints how often a second SQLite commits there; or
//! `argon2 SECONDS`, which prints how many passwords a second one thread hashes;
//! or `read ADDRESS FOLDER`, which serves one's own user with axum.

#[path = "../../../tests/guests/bench-json/src/person.rs"]
mod person;

mod commits;
mod passwords;
mod read;

use std::convert::Infallible;
use std::net::TcpListener;
use std::thread;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

// As the host has it, so that the difference is the platform's alone.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let address = std::env::args().nth(1).context("name the address")?;
    if address == "commits" {
        let folder = std::env::args().nth(2).context("name the folder")?;
        println!("{:.0}", commits::per_second(folder.as_ref())?);
        return Ok(());
    }
    if address == "argon2" {
        let seconds = std::env::args().nth(2).context("name the seconds")?;
        println!("{:.1}", passwords::per_second(seconds.parse()?)?);
        return Ok(());
    }
    if address == "read" {
        let address = std::env::args().nth(2).context("name the address")?;
        let folder = std::env::args().nth(3).context("name the folder")?;
        return read::serve(&address, folder.as_ref());
    }
    let listener = TcpListener::bind(&address).with_context(|| address.clone())?;
    listener.set_nonblocking(true)?;
    println!("Serving http://{}", listener.local_addr()?);
    let mut workers = Vec::new();
    for _ in 0..thread::available_parallelism()?.get() {
        let listener = listener.try_clone()?;
        workers.push(thread::spawn(move || worker(listener)));
    }
    for worker in workers {
        worker.join().ok().context("a worker panicked")??;
    }
    Ok(())
}

fn worker(listener: TcpListener) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(async move {
                let connection = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer));
                // The load ends by closing its connections.
                let _ = connection.await;
            });
        }
    })
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(match request.uri().path() {
        "/hello" => response(200, "text/plain; charset=utf-8", "Hello, world!\n".into()),
        "/json" => match request.into_body().collect().await {
            Ok(body) => {
                let (status, answer) = person::answer(&body.to_bytes());
                response(status, "application/json", answer.into())
            }
            Err(_) => response(400, "text/plain", Bytes::new()),
        },
        _ => response(404, "text/plain", Bytes::new()),
    })
}

fn response(status: u16, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
