//! Previews of URLs: of public pages only, and only where the administrator wants them.

use hearth_tests::{Server, Settings, media::png};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const PATHS: [&str; 4] = [
    "/_matrix/client/v1/media/preview_url",
    "/_matrix/media/v3/preview_url",
    "/_matrix/media/r0/preview_url",
    "/_matrix/media/v1/preview_url",
];

/// A site with a page and its picture, at this address.
async fn site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4_096];
            let read = stream.read(&mut buffer).await.unwrap();
            let (kind, body) = if buffer[..read].starts_with(b"GET /test.png") {
                ("image/png", png(40, 30))
            } else {
                let page = "<html><head><title>Plain</title>\
                            <meta property='og:title' content='The Rock'/>\
                            <meta property='og:image' content='test.png'/></head></html>";
                ("text/html", page.as_bytes().to_vec())
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.into_bytes(), body].concat()).await;
        }
    });
    address
}

fn asking(path: &str, url: &str) -> String {
    format!("{path}?url={}", hearth_tests::client::encode(url))
}

#[tokio::test]
async fn a_page_is_shown_with_its_picture() {
    let settings = Settings::default()
        .literal("previews.enabled", "true")
        .literal("testing.allow_private_addresses", "true");
    let server = Server::start_with(settings).await;
    let alice = server.register("alice").await;
    let url = format!("{}/test.html", site().await);
    for path in PATHS {
        let card = alice.get(&asking(path, &url)).await.ok();
        assert_eq!(card["og:title"], "The Rock", "{path}");
        assert_eq!(card["og:image:width"], json!(40));
        assert_eq!(card["og:image:height"], json!(30));
        assert_eq!(card["matrix:image:size"], json!(png(40, 30).len()));
        let picture = card["og:image"].as_str().unwrap().strip_prefix("mxc://").unwrap();
        let picture = alice.get(&format!("/_matrix/client/v1/media/download/{picture}")).await;
        assert_eq!((picture.status, &picture.bytes), (200, &png(40, 30)));
    }
    let with_time = alice.get(&format!("{}&ts=0", asking(PATHS[0], &url))).await.ok();
    assert!(matches!(with_time, Value::Object(_)));
    let nobody = server.anonymous().get(&asking(PATHS[0], &url)).await;
    nobody.assert_matrix_error(401, "M_MISSING_TOKEN");
    let bad = alice.get(&asking(PATHS[0], "no url")).await;
    bad.assert_matrix_error(400, "M_INVALID_PARAM");
}

#[tokio::test]
async fn nothing_internal_is_fetched() {
    let server = Server::start_with(Settings::default().literal("previews.enabled", "true")).await;
    let alice = server.register("alice").await;
    let inside = server.base_url();
    let port = inside.rsplit(':').next().unwrap();
    let others = ["localhost", "[::ffff:127.0.0.1]", "0x7f000001", "2130706433", "0.0.0.0"];
    let others = others.map(|host| format!("http://{host}:{port}/_matrix/client/versions"));
    for url in others.iter().chain([&inside, &"http://169.254.169.254/".to_owned()]) {
        let refused = alice.get(&asking(PATHS[0], url)).await;
        assert_eq!(refused.assert_matrix_error(403, "M_FORBIDDEN")["errcode"], "M_FORBIDDEN");
    }
}

#[tokio::test]
async fn there_are_none_unless_they_are_wanted() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let refused = alice.get(&asking(PATHS[0], "https://example.org/")).await;
    refused.assert_matrix_error(403, "M_FORBIDDEN");
}
