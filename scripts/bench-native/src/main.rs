//! What the functions of `scripts/bench` do, as a native server: hyper with one
//! thread and runtime for each core it may use. Argument: the address; or
//! `commits FOLDER`, which prints how often a second SQLite commits there; or
//! `argon2 SECONDS`, which prints how many passwords a second one thread hashes;
//! or `read ADDRESS FOLDER` and `health ADDRESS FOLDER`, which serve one's own user
//! and take readings in with axum; or `fill FILE PERSON ROWS USER…` and `number FILE
//! SQL`, which fill a database of the application and ask it.

#[path = "../../../tests/guests/bench-json/src/person.rs"]
mod person;

mod commits;
mod fill;
mod health;
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
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["commits", folder] => println!("{:.0}", commits::per_second(folder.as_ref())?),
        ["argon2", seconds] => println!("{:.1}", passwords::per_second(seconds.parse()?)?),
        ["read", address, folder] => read::serve(address, folder.as_ref())?,
        ["health", address, folder] => health::serve(address, folder.as_ref())?,
        ["fill", file, person, rows, users @ ..] => {
            let users: Vec<String> = users.iter().map(|&user| user.to_owned()).collect();
            fill::fill(file.as_ref(), person.parse()?, rows.parse()?, &users)?;
        }
        ["number", file, sql] => fill::number(file.as_ref(), sql)?,
        [address] => serve(address)?,
        _ => anyhow::bail!("name the address"),
    }
    Ok(())
}

fn serve(address: &str) -> Result<()> {
    let listener = TcpListener::bind(address).with_context(|| address.to_owned())?;
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
