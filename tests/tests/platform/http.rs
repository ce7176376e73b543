//! HTTP on the wire: versions, connections, bodies.

use bytes::Bytes;
use http::Version;
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use rustls_pki_types::CertificateDer;
use system_tests::{Application, Client, Host, channel, probe, whole};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

async fn host() -> Host {
    Host::start(&Application::new(&probe("all", "")), &[]).await
}

#[tokio::test]
async fn an_answer_arrives_while_its_request_is_still_being_sent() {
    let host = host().await;
    let (mut sender, body) = channel();
    let request = host.request("POST", "/all/probe/pipe").body(body).unwrap();
    sender.send_data(Bytes::from("first")).await.unwrap();
    let mut response = host.client().open(request).await;
    let first = response.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "first");
    sender.send_data(Bytes::from("second")).await.unwrap();
    let second = response.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(second.into_data().unwrap(), "second");
    drop(sender);
    assert!(response.body_mut().frame().await.is_none());
}

#[tokio::test]
async fn an_answer_is_streamed_as_the_component_makes_it() {
    let host = host().await;
    let answer = host.get("/all/probe/stream").await.expect(200);
    assert_eq!(answer.text(), "part 0\npart 1\npart 2\npart 3\npart 4\n");
    assert_eq!(answer.header("content-length"), "");
}

#[tokio::test]
async fn bodies_of_megabytes_pass_whole_in_both_directions() {
    let host = host().await;
    let sent: Vec<u8> = (0..8_000_000u32).map(|n| (n % 251) as u8).collect();
    for path in ["/all/probe/echo", "/all/probe/pipe"] {
        let answer = host.post(path, sent.clone()).await.expect(200);
        assert!(
            answer.body == sent,
            "{path}: {} bytes came back",
            answer.body.len()
        );
    }
}

#[tokio::test]
async fn a_component_chooses_its_status() {
    let host = host().await;
    assert!(
        host.get("/all/probe/status")
            .await
            .expect(418)
            .body
            .is_empty()
    );
}

#[tokio::test]
async fn a_head_request_is_answered_without_a_body() {
    let host = host().await;
    let request = host
        .request("HEAD", "/all/probe/hello")
        .body(whole(""))
        .unwrap();
    assert!(host.send(request).await.expect(200).body.is_empty());
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let host = host().await;
    let stream = TcpStream::connect(host.address()).await.unwrap();
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    for _ in 0..20 {
        sender.ready().await.unwrap();
        let request = http::Request::get("/all/probe/hello").header("host", "any");
        let response = sender
            .send_request(request.body(whole("")).unwrap())
            .await
            .unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "hello");
    }
    drop(sender);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_sent_without_waiting_are_answered_in_order() {
    let host = host().await;
    let mut stream = TcpStream::connect(host.address()).await.unwrap();
    let one = |body: &str| {
        format!("POST /all/probe/echo HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\n\r\n{body}")
    };
    let last = "GET /all/probe/hello HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    let requests = format!("{}{}{last}", one("1"), one("2"));
    stream.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    let bodies: Vec<&str> = answers
        .split("HTTP/1.1 200 OK")
        .filter_map(|answer| Some(answer.split_once("\r\n\r\n")?.1))
        .collect();
    assert_eq!(bodies, ["1", "2", "hello"], "{answers}");
}

#[tokio::test]
async fn malformed_requests_are_refused_and_harm_nobody() {
    let host = host().await;
    for request in [
        "nonsense\r\n\r\n",
        "GET /all/probe/hello HTTP/1.1\r\n\r\n",
        "GET /all/probe/hello HTTP/1.1\r\nhost: a b\r\n\r\n",
        "GET /all/probe/hello HTTP/1.1\r\nhost h\r\n\r\n",
        "POST /all/probe/echo HTTP/1.1\r\nhost: h\r\ncontent-length: x\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(host.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).await.unwrap();
        assert_eq!(answer, "HTTP/1.1 400 Bad Request\r\n", "{request:?}");
    }
    let mut stream = TcpStream::connect(host.address()).await.unwrap();
    let long = format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "a".repeat(200_000));
    // The host may hang up before it has read all of it.
    let _ = stream.write_all(long.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer:?}"
    );
    assert_eq!(
        host.get("/all/probe/hello").await.expect(200).text(),
        "hello"
    );
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_the_host_well() {
    let host = host().await;
    for _ in 0..20 {
        let mut stream = TcpStream::connect(host.address()).await.unwrap();
        let request = "POST /all/probe/echo HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nhalf";
        stream.write_all(request.as_bytes()).await.unwrap();
        drop(stream);
    }
    host.running("all", 0).await;
    assert_eq!(
        host.get("/all/probe/hello").await.expect(200).text(),
        "hello"
    );
}

#[tokio::test]
async fn http2_is_spoken_from_the_first_byte_by_many_requests_at_once() {
    let application = Application::new(&probe("all", ""));
    let host = Host::start_with(&application, &[], Client::http2()).await;
    let answers = futures::future::join_all((0..100).map(|n| {
        let host = &host;
        async move { host.post("/all/probe/echo", format!("body {n}")).await }
    }));
    for (n, answer) in answers.await.into_iter().enumerate() {
        assert_eq!(answer.version, Version::HTTP_2);
        assert_eq!(answer.expect(200).text(), format!("body {n}"));
    }
    let seen = host.get("/all/probe/headers").await.expect(200).json();
    let full_url = format!("http://{}/all/probe/headers", host.address());
    assert!(seen.to_string().contains(&full_url), "{seen}");
}

#[tokio::test]
async fn http2_streams_both_ways() {
    let application = Application::new(&probe("all", ""));
    let host = Host::start_with(&application, &[], Client::http2()).await;
    let (mut sender, body) = channel();
    let request = host.request("POST", "/all/probe/pipe").body(body).unwrap();
    sender.send_data(Bytes::from("first")).await.unwrap();
    let mut response = host.client().open(request).await;
    let first = response.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "first");
    sender.send_data(Bytes::from("second")).await.unwrap();
    drop(sender);
    let rest = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(rest, "second");
}

/// An application with a certificate for 127.0.0.1.
fn with_certificate() -> (Application, CertificateDer<'static>) {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let application = Application::new(&probe("all", ""))
        .with("cert.pem", certified.cert.pem())
        .with("key.pem", certified.signing_key.serialize_pem());
    (application, certified.cert.der().clone())
}

async fn start_tls(application: &Application, client: Client) -> Host {
    let (cert, key) = (application.path("cert.pem"), application.path("key.pem"));
    let arguments = [
        "--tls-cert",
        cert.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ];
    Host::start_with(application, &arguments, client).await
}

#[tokio::test]
async fn tls_offers_http2_by_alpn_and_serves_http1_without() {
    let (application, certificate) = with_certificate();
    let client = Client::trusting(certificate.clone());
    let host = start_tls(&application, client).await;
    assert!(host.url().starts_with("https://"), "{}", host.url());
    let answer = host.get("/all/probe/headers").await.expect(200);
    assert_eq!(answer.version, Version::HTTP_2);
    let full_url = format!("{}/all/probe/headers", host.url());
    assert!(answer.text().contains(&full_url), "{}", answer.text());

    let client = Client::trusting_http1(certificate);
    let request = host
        .request("GET", "/all/probe/hello")
        .body(whole(""))
        .unwrap();
    let answer = client.send(request).await.expect(200);
    assert_eq!(answer.version, Version::HTTP_11);
}

#[tokio::test]
async fn a_slow_tls_handshake_keeps_nobody_waiting() {
    let (application, certificate) = with_certificate();
    let client = Client::trusting(certificate);
    let host = start_tls(&application, client).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(host.address()).await.unwrap());
    }
    assert_eq!(
        host.get("/all/probe/hello").await.expect(200).text(),
        "hello"
    );
    drop(idle);
}
