//! Against real listeners on loopback addresses: 127.0.0.1 is allowed, all others are not.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::HeaderMap;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use url::Url;

use crate::{
    Fetched, Limits, Outgoing, OutgoingError, Settings,
    test_server::{TestResolver, TestServer},
};

const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

fn limits() -> Limits {
    Limits { body_bytes_max: 1_000, time_max: Duration::from_secs(5), redirects_max: 3 }
}

fn outgoing(resolver: TestResolver) -> Outgoing {
    let settings = Settings { allow: vec!["127.0.0.1/32".parse().unwrap()], ..Settings::default() };
    Outgoing::with_resolver(settings, Arc::new(resolver)).unwrap()
}

async fn get(outgoing: &Outgoing, url: &str) -> Result<Fetched, OutgoingError> {
    outgoing.get(&Url::parse(url).unwrap(), HeaderMap::new(), limits()).await
}

fn redirect(location: &str) -> String {
    let start = "HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0";
    format!("{start}\r\nLocation: {location}\r\n\r\n")
}

#[tokio::test]
async fn an_allowed_host_answers() {
    let server = TestServer::saying("127.0.0.1", OK.to_owned()).await;
    let resolver = TestResolver::default().then("site.test", &["127.0.0.2", "127.0.0.1"]);
    let url = format!("http://site.test:{}/path", server.address.port());
    let answer = get(&outgoing(resolver), &url).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, b"ok".as_slice()));
    assert_eq!(answer.url.as_str(), url);
}

#[tokio::test]
async fn a_forbidden_address_is_not_connected_to() {
    let server = TestServer::saying("127.0.0.2", OK.to_owned()).await;
    let port = server.address.port();
    let outgoing = outgoing(TestResolver::default().then("internal.test", &["127.0.0.2"]));
    let hosts = ["127.0.0.2", "internal.test", "0x7f.2", "2130706434", "[::ffff:127.0.0.2]"];
    for host in hosts.into_iter().chain(["[::1]", "[64:ff9b::7f00:2]", "0.0.0.0"]) {
        let refused = get(&outgoing, &format!("http://{host}:{port}/")).await;
        assert!(matches!(refused, Err(OutgoingError::Forbidden)), "{host}: {refused:?}");
    }
    assert_eq!(server.connections(), 0);

    let answer = get(&outgoing.configured(), &format!("http://internal.test:{port}/")).await;
    assert_eq!(answer.unwrap().status, 200);
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_judged_again() {
    let allowed = TestServer::saying("127.0.0.1", OK.to_owned()).await;
    let resolver = TestResolver::default();
    let resolver = resolver.then("rebind.test", &["127.0.0.1"]).then("rebind.test", &["127.0.0.2"]);
    let outgoing = outgoing(resolver);
    let url = format!("http://rebind.test:{}/", allowed.address.port());
    assert_eq!(get(&outgoing, &url).await.unwrap().status, 200);
    assert!(matches!(get(&outgoing, &url).await, Err(OutgoingError::Forbidden)));
}

#[tokio::test]
async fn a_redirect_is_judged_like_the_first_address() {
    let internal = TestServer::saying("127.0.0.2", OK.to_owned()).await;
    let port = internal.address.port();
    let resolver = TestResolver::default().then("internal.test", &["127.0.0.2"]);
    let outgoing = outgoing(resolver);
    for host in ["127.0.0.2", "internal.test", "[::ffff:7f00:2]"] {
        let server =
            TestServer::saying("127.0.0.1", redirect(&format!("http://{host}:{port}/"))).await;
        let refused = get(&outgoing, &format!("http://{}/", server.address)).await;
        assert!(matches!(refused, Err(OutgoingError::Forbidden)), "{refused:?}");
    }
    assert_eq!(internal.connections(), 0);

    let server = TestServer::saying("127.0.0.1", redirect("file:///etc/passwd")).await;
    let refused = get(&outgoing, &format!("http://{}/", server.address)).await;
    assert!(matches!(refused, Err(OutgoingError::BadUrl(_))), "{refused:?}");
}

#[tokio::test]
async fn redirects_are_followed_and_counted() {
    let end = TestServer::saying("127.0.0.1", OK.to_owned()).await;
    let target = format!("http://{}/end", end.address);
    let server = TestServer::saying("127.0.0.1", redirect(&target)).await;
    let outgoing = outgoing(TestResolver::default());
    let answer = get(&outgoing, &format!("http://{}/", server.address)).await.unwrap();
    assert_eq!(answer.url.as_str(), target);

    let circle = TestServer::saying("127.0.0.1", redirect("/again")).await;
    let refused = get(&outgoing, &format!("http://{}/", circle.address)).await;
    assert!(matches!(refused, Err(OutgoingError::Redirects)), "{refused:?}");
    assert_eq!(circle.connections(), 4);
}

#[tokio::test]
async fn an_answer_is_bounded_in_size() {
    let outgoing = outgoing(TestResolver::default());
    let declared = "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n".to_owned();
    let declared = TestServer::saying("127.0.0.1", declared).await;
    let endless: crate::test_server::Answer =
        Arc::new(|_, mut stream: TcpStream| -> BoxFuture<'static, ()> {
            Box::pin(async move {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while stream.write_all(&[b'x'; 512]).await.is_ok() {}
            })
        });
    let endless = TestServer::start("127.0.0.1", endless).await;
    let headers = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let headers = TestServer::saying("127.0.0.1", headers).await;
    let url = Url::parse(&format!("http://{}/", endless.address)).unwrap();
    let start = outgoing.get_start(&url, HeaderMap::new(), limits()).await.unwrap();
    assert_eq!(start.body.len(), 1_000);
    for server in [declared, endless, headers] {
        let refused = get(&outgoing, &format!("http://{}/", server.address)).await;
        assert!(matches!(refused, Err(OutgoingError::TooLarge)), "{refused:?}");
    }
}

#[tokio::test]
async fn an_answer_is_bounded_in_time() {
    let outgoing = outgoing(TestResolver::default());
    let slow: crate::test_server::Answer =
        Arc::new(|_, mut stream: TcpStream| -> BoxFuture<'static, ()> {
            Box::pin(async move {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                while stream.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
        });
    let server = TestServer::start("127.0.0.1", slow).await;
    let limits = Limits { time_max: Duration::from_millis(200), ..limits() };
    let url = Url::parse(&format!("http://{}/", server.address)).unwrap();
    let refused = outgoing.get(&url, HeaderMap::new(), limits).await;
    assert!(matches!(refused, Err(OutgoingError::TimedOut)), "{refused:?}");
}

#[tokio::test]
async fn a_post_says_its_type_and_follows_no_redirect() {
    let echo: crate::test_server::Answer =
        Arc::new(|request: String, mut stream: TcpStream| -> BoxFuture<'static, ()> {
            Box::pin(async move {
                let is_json = request.to_lowercase().contains("content-type: application/json");
                let is_post = request.starts_with("POST /_matrix/push/v1/notify HTTP/1.1");
                let text = if is_json && is_post { OK.to_owned() } else { redirect("/wrong") };
                let _ = stream.write_all(text.as_bytes()).await;
            })
        });
    let server = TestServer::start("127.0.0.1", echo).await;
    let outgoing = outgoing(TestResolver::default());
    let url = Url::parse(&format!("http://{}/_matrix/push/v1/notify", server.address)).unwrap();
    let post = outgoing.post_json(&url, Bytes::from("{}"), HeaderMap::new(), limits()).await;
    assert_eq!(post.unwrap().status, 200);
    let request = http::Request::put(format!("http://{}/x", server.address));
    let answer = outgoing.request(request.body(Bytes::from("{}")).unwrap(), limits()).await;
    assert_eq!(answer.unwrap().status, 302);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn nobody_there_is_not_the_same_as_not_allowed() {
    let outgoing = outgoing(TestResolver::default());
    let unknown = get(&outgoing, "http://nowhere.test/").await;
    assert!(matches!(unknown, Err(OutgoingError::Unreachable(_))), "{unknown:?}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let refused = get(&outgoing, &format!("http://{address}/")).await;
    assert!(matches!(refused, Err(OutgoingError::Unreachable(_))), "{refused:?}");
    let not_http = get(&outgoing, "ftp://127.0.0.1/").await;
    assert!(matches!(not_http, Err(OutgoingError::BadUrl(_))), "{not_http:?}");
}
