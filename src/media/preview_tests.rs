//! Previews of a web site on a loopback address.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hearth_outgoing::Outgoing;
use ruma::MxcUri;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    PreviewError, PreviewSettings, Previews,
    limits::{PREVIEW_FRESH_MS, PREVIEW_KEPT_MS},
    test_media::{TestMedia, png},
};

/// A site with a page, a picture and something else.
struct Site {
    address: String,
    pages: Arc<AtomicUsize>,
}

impl Site {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let pages = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&pages);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 4_096];
                let read = stream.read(&mut buffer).await.unwrap();
                let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default();
                if path == "/page" {
                    count.fetch_add(1, Ordering::SeqCst);
                }
                let (content_type, body) = content(path);
                let status = if content_type.is_empty() { "404 Not Found" } else { "200 OK" };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(&[head.into_bytes(), body].concat()).await;
            }
        });
        Self { address, pages }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }
}

fn content(path: &str) -> (&'static str, Vec<u8>) {
    let html = |html: &str| ("text/html; charset=utf-8", html.as_bytes().to_vec());
    match path {
        "/page" => html("<title>Page</title><meta property=og:image content=picture.png>"),
        "/liar" => html("<title>Liar</title><meta property=og:image content=script>"),
        "/internal" => html("<title>I</title><meta property=og:image content=http://127.0.0.2/>"),
        "/picture.png" => ("text/plain", png(279, 129)),
        "/bare.png" => ("image/png", png(10, 20)),
        "/script" => ("image/png", b"<script>alert(1)</script>".to_vec()),
        "/archive" => ("application/zip", b"PK".to_vec()),
        _ => ("", Vec::new()),
    }
}

fn previews(test: &TestMedia, settings: PreviewSettings) -> Previews {
    let allow = vec!["127.0.0.1/32".parse().unwrap()];
    let outgoing = hearth_outgoing::Settings { allow, ..hearth_outgoing::Settings::default() };
    Previews::new(test.media.clone(), Outgoing::new(outgoing).unwrap(), settings)
}

async fn get(previews: &Previews, url: &str) -> Result<Value, PreviewError> {
    previews.get(url, None).await.map(|json| serde_json::from_str(&json).unwrap())
}

#[tokio::test]
async fn a_page_is_shown_with_its_picture() {
    let (test, site) = (TestMedia::new(), Site::start().await);
    let previews = previews(&test, PreviewSettings::default());
    let card = get(&previews, &site.url("/page#part")).await.unwrap();
    assert_eq!(card["og:title"], "Page");
    assert_eq!(card["og:url"], site.url("/page"));
    assert_eq!((&card["og:image:width"], &card["og:image:height"]), (&279.into(), &129.into()));
    assert_eq!(card["og:image:type"], "image/png");
    let picture: &MxcUri = card["og:image"].as_str().unwrap().into();
    let (file, body) = test.download(picture).await.unwrap();
    assert_eq!(file.content_type.as_deref(), Some("image/png"));
    assert_eq!(card["matrix:image:size"], body.len());

    let card = get(&previews, &site.url("/bare.png")).await.unwrap();
    assert_eq!(card["og:image:height"], 20);
    assert_eq!(get(&previews, &site.url("/archive")).await.unwrap(), serde_json::json!({}));
}

#[tokio::test]
async fn what_is_no_picture_is_not_taken_over_and_nothing_internal_is_fetched() {
    let (test, site) = (TestMedia::new(), Site::start().await);
    let previews = previews(&test, PreviewSettings::default());
    for (path, title) in [("/liar", "Liar"), ("/internal", "I")] {
        let card = get(&previews, &site.url(path)).await.unwrap();
        assert_eq!(card["og:title"], title);
        assert!(card.get("og:image").is_none(), "{card}");
    }
    assert_eq!(test.blobs().await, 0);
    let internal = get(&previews, "http://127.0.0.2/").await;
    assert!(matches!(internal, Err(PreviewError::Forbidden)), "{internal:?}");
    let absent = get(&previews, &site.url("/absent")).await;
    assert!(matches!(absent, Err(PreviewError::NoPage(_))), "{absent:?}");
    for bad in ["", "example.org", "ftp://example.org/", "http://user:secret@example.org/"] {
        let refused = get(&previews, bad).await;
        assert!(matches!(refused, Err(PreviewError::BadUrl(_))), "{bad}: {refused:?}");
    }
}

#[tokio::test]
async fn hosts_may_be_denied() {
    let (test, site) = (TestMedia::new(), Site::start().await);
    let deny = PreviewSettings { deny: vec!["127.*".to_owned()], ..PreviewSettings::default() };
    let allow = PreviewSettings { allow: vec!["*.org".to_owned()], ..PreviewSettings::default() };
    for settings in [deny, allow] {
        let refused = get(&previews(&test, settings), &site.url("/page")).await;
        assert!(matches!(refused, Err(PreviewError::Forbidden)), "{refused:?}");
    }
    assert_eq!(site.pages.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_page_is_fetched_once_until_its_preview_is_old() {
    let (test, site) = (TestMedia::new(), Site::start().await);
    let previews = previews(&test, PreviewSettings::default());
    let url = site.url("/page");
    let fetched = || site.pages.load(Ordering::SeqCst);
    let both = tokio::join!(previews.get(&url, None), previews.get(&url, None));
    assert_eq!(both.0.unwrap(), both.1.unwrap());
    get(&previews, &url).await.unwrap();
    assert_eq!(fetched(), 1);

    test.clock.advance(Duration::from_millis(PREVIEW_FRESH_MS));
    previews.get(&url, Some(test.clock.now_ms() - PREVIEW_FRESH_MS)).await.unwrap();
    assert_eq!(fetched(), 1);
    get(&previews, &url).await.unwrap();
    assert_eq!((fetched(), test.blobs().await), (2, 1));

    test.clock.advance(Duration::from_millis(PREVIEW_KEPT_MS - PREVIEW_FRESH_MS + 1));
    test.media.end_previews().await.unwrap();
    assert_eq!(test.blobs().await, 1);
    test.clock.advance(Duration::from_millis(PREVIEW_FRESH_MS));
    test.media.end_previews().await.unwrap();
    assert_eq!(test.blobs().await, 0);
    assert!(
        test.media.preview_row(blake3::hash(url.as_bytes()).as_bytes()).await.unwrap().is_none()
    );
}
