//! Two devices meet after one has scanned the other's QR code (MSC4108).

use hearth_tests::{Client, Reply, Server, Settings};
use reqwest::Method;

const PATH: &str = "/_matrix/client/unstable/org.matrix.msc4108/rendezvous";

async fn server() -> Server {
    let settings = Settings::default().text("well_known.client_base_url", "https://m.hearth.test");
    Server::start_with(settings).await
}

async fn open(device: &Client, content: &str) -> (String, Reply) {
    let request = device.request(Method::POST, PATH).header("content-type", "text/plain");
    let reply = device.exchange(request.body(content.to_owned())).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let url = reply.json()["url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix("https://m.hearth.test").expect("where clients reach the server");
    (path.to_owned(), reply)
}

async fn write(device: &Client, path: &str, tag: &str, content: &str) -> Reply {
    let request = device.request(Method::PUT, path).header("content-type", "text/plain");
    device.exchange(request.header("if-match", tag).body(content.to_owned())).await
}

#[tokio::test]
async fn two_devices_leave_each_other_messages() {
    let server = server().await;
    let versions = server.anonymous().get("/_matrix/client/versions").await.ok();
    assert_eq!(versions["unstable_features"]["org.matrix.msc4108"], true);
    let (laptop, phone) = (server.anonymous(), server.anonymous());
    let (path, opened) = open(&laptop, "hello").await;
    let tag = opened.headers["etag"].to_str().unwrap().to_owned();
    let exposed = opened.header("access-control-expose-headers");
    assert!(exposed.split(',').any(|header| header.trim() == "etag"), "{exposed}");
    assert!(opened.header("expires").ends_with("gmt"));
    assert!(opened.header("cache-control").contains("no-store"));

    let read = phone.get(&path).await;
    assert_eq!((read.status, read.text().as_str()), (200, "hello"));
    assert_eq!(read.headers["etag"], tag.as_str());
    assert!(read.header("content-type").starts_with("text/plain"));

    let written = write(&phone, &path, &tag, "who is there?").await;
    assert_eq!(written.status, 202, "{}", written.text());
    let request = laptop.request(Method::GET, &path).header("if-none-match", &tag);
    assert_eq!(laptop.exchange(request).await.text(), "who is there?");
    let late = write(&laptop, &path, &tag, "hello?").await;
    let conflict = late.assert_matrix_error(412, "M_UNKNOWN");
    assert_eq!(conflict["org.matrix.msc4108.errcode"], "M_CONCURRENT_WRITE");
    let now = late.headers["etag"].to_str().unwrap();
    let request = laptop.request(Method::GET, &path).header("if-none-match", now);
    assert_eq!(laptop.exchange(request).await.status, 304);

    assert_eq!(phone.delete(&path).await.status, 204);
    phone.delete(&path).await.assert_matrix_error(404, "M_NOT_FOUND");
    laptop.get(&path).await.assert_matrix_error(404, "M_NOT_FOUND");
}

#[tokio::test]
async fn payloads_are_small_text() {
    let server = server().await;
    let device = server.anonymous();
    let (path, opened) = open(&device, &"x".repeat(4_096)).await;
    let tag = opened.headers["etag"].to_str().unwrap();
    let large = write(&device, &path, tag, &"x".repeat(4_097)).await;
    large.assert_matrix_error(413, "M_TOO_LARGE");
    let untagged = device.request(Method::PUT, &path).header("content-type", "text/plain");
    device.exchange(untagged.body("x")).await.assert_matrix_error(400, "M_MISSING_PARAM");
    let json = device.request(Method::POST, PATH).header("content-type", "application/json");
    device.exchange(json.body("{}")).await.assert_matrix_error(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn a_server_that_does_not_know_its_address_offers_none() {
    let server = Server::start().await;
    let nobody = server.anonymous();
    let versions = nobody.get("/_matrix/client/versions").await.ok();
    assert_eq!(versions["unstable_features"]["org.matrix.msc4108"], false);
    let request = nobody.request(Method::POST, PATH).header("content-type", "text/plain");
    nobody.exchange(request.body("x")).await.assert_matrix_error(404, "M_UNRECOGNIZED");
}

#[tokio::test]
async fn browsers_may_send_the_headers() {
    let server = server().await;
    let nobody = server.anonymous();
    let preflight = nobody
        .request(Method::OPTIONS, &format!("{PATH}/x"))
        .header("origin", "https://app.hearth.test")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "if-match");
    let reply = nobody.exchange(preflight).await;
    assert_eq!(reply.status, 200);
    let allowed = reply.header("access-control-allow-headers");
    assert!(allowed.contains("if-match") && allowed.contains("if-none-match"), "{allowed}");
}
