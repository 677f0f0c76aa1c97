//! Media: what is uploaded comes back unchanged, safely served, within its limits.

use hearth_tests::{
    Server, Settings,
    media::{assert_parts, dimensions, png, png_bomb},
};
use reqwest::Method;
use serde_json::json;

const DOWNLOAD: &str = "/_matrix/client/v1/media/download";
const THUMBNAIL: &str = "/_matrix/client/v1/media/thumbnail";

#[tokio::test]
async fn an_upload_comes_back_unchanged() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let picture = png(40, 30);
    let media = alice.upload("image/png", "glow of embers.png", picture.clone()).await;
    assert!(media.starts_with("hearth.test/"), "{media}");
    let reply = bob.get(&format!("{DOWNLOAD}/{media}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.bytes, picture);
    assert_eq!(reply.header("content-type"), "image/png");
    let disposition = reply.header("content-disposition");
    assert!(disposition.starts_with("inline"), "{disposition}");
    assert!(disposition.contains("embers"), "{disposition}");
    let renamed = bob.get(&format!("{DOWNLOAD}/{media}/other.png")).await;
    assert!(renamed.header("content-disposition").contains("other.png"));
    assert_eq!(renamed.bytes, picture);
}

#[tokio::test]
async fn an_upload_can_be_had_in_parts() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let film: Vec<u8> = (0..=u8::MAX).cycle().take(1_300_001).collect();
    let media = alice.upload("video/mp4", "film.mp4", film.clone()).await;
    let old = "/_matrix/media/v3/download";
    for path in [
        format!("{DOWNLOAD}/{media}"),
        format!("{DOWNLOAD}/{media}/a.mp4"),
        format!("{old}/{media}"),
        format!("{old}/{media}/a.mp4"),
    ] {
        let request = |method| alice.request(method, &path);
        let refused = assert_parts(request, |request| alice.exchange(request), &film).await;
        refused.assert_matrix_error(416, "M_UNKNOWN");
    }
    let part = alice.request(Method::GET, &format!("{DOWNLOAD}/hearth.test/unknown"));
    let unknown = alice.exchange(part.header("range", "bytes=0-1")).await;
    unknown.assert_matrix_error(404, "M_NOT_FOUND");
    let picture = alice.upload("image/png", "a.png", png(200, 200)).await;
    let path = format!("{THUMBNAIL}/{picture}?width=32&height=32");
    let thumbnail = alice.get(&path).await.bytes;
    let request = |method| alice.request(method, &path);
    assert_parts(request, |request| alice.exchange(request), &thumbnail).await;
}

#[tokio::test]
async fn media_wants_a_token() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let media = alice.upload("image/png", "a.png", png(4, 4)).await;
    let nobody = server.anonymous();
    let download = nobody.get(&format!("{DOWNLOAD}/{media}")).await;
    download.assert_matrix_error(401, "M_MISSING_TOKEN");
    let thumbnail = nobody.get(&format!("{THUMBNAIL}/{media}?width=8&height=8")).await;
    thumbnail.assert_matrix_error(401, "M_MISSING_TOKEN");
    let old = nobody.get(&format!("/_matrix/media/v3/download/{media}")).await;
    assert_eq!(old.status, 200, "clients of before Matrix 1.11 send none");
    let upload = nobody.try_upload("text/plain", "a.txt", b"x".to_vec()).await;
    upload.assert_matrix_error(401, "M_MISSING_TOKEN");
}

#[tokio::test]
async fn a_page_cannot_attack_its_reader() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let table = [
        ("text/html", "attachment"),
        ("image/svg+xml", "attachment"),
        ("application/octet-stream", "attachment"),
        ("text/plain", "inline"),
    ];
    for (kind, disposition) in table {
        let page = b"<script>alert(1)</script>".to_vec();
        let media = alice.upload(kind, "page", page.clone()).await;
        let reply = alice.get(&format!("{DOWNLOAD}/{media}")).await;
        assert_eq!(reply.bytes, page);
        assert!(reply.header("content-disposition").starts_with(disposition), "{kind}");
        let policy = reply.header("content-security-policy");
        for directive in ["sandbox", "default-src 'none'", "script-src 'none'"] {
            assert!(policy.contains(directive), "{kind}: {policy}");
        }
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("cross-origin-resource-policy"), "cross-origin");
    }
}

#[tokio::test]
async fn a_hostile_file_name_stays_a_name() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    for name in ["\"; x=\"", "../../etc/passwd", "line\r\nset-cookie: a=b", "schön.txt"] {
        let media = alice.upload("text/plain", name, b"x".to_vec()).await;
        let reply = alice.get(&format!("{DOWNLOAD}/{media}")).await;
        assert_eq!(reply.bytes, b"x", "{name}");
        assert!(reply.headers.get("set-cookie").is_none(), "{name}");
        assert!(reply.header("content-disposition").starts_with("inline"), "{name}");
    }
}

#[tokio::test]
async fn thumbnails_fit() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let media = alice.upload("image/png", "wide.png", png(800, 400)).await;
    let table = [
        ("width=32&height=32&method=crop", (32, 32)),
        ("width=100&height=100&method=scale", (100, 50)),
    ];
    for (query, expected) in table {
        let reply = alice.get(&format!("{THUMBNAIL}/{media}?{query}")).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(reply.header("content-type").starts_with("image/"));
        assert!(reply.header("content-disposition").starts_with("inline"));
        let (width, height) = dimensions(&reply.bytes);
        // The server may answer with a larger one of its usual sizes, in the same proportions.
        assert!(width >= expected.0 && height >= expected.1, "{query}: {width}x{height}");
        assert_eq!(width * expected.1, height * expected.0, "{query}: {width}x{height}");
        assert!(width < 800);
    }
    let missing = alice.get(&format!("{THUMBNAIL}/{media}?width=32")).await;
    assert_eq!(missing.status, 400, "{}", missing.text());
}

#[tokio::test]
async fn what_is_no_picture_has_no_thumbnail() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let bomb = alice.upload("image/png", "bomb.png", png_bomb(60_000, 60_000)).await;
    let text = alice.upload("text/plain", "a.txt", b"no picture".to_vec()).await;
    let lie = alice.upload("image/png", "a.png", b"no picture either".to_vec()).await;
    for media in [bomb, text, lie] {
        let reply = alice.get(&format!("{THUMBNAIL}/{media}?width=32&height=32")).await;
        assert!(matches!(reply.status, 400 | 404 | 413), "{}", reply.text());
        assert!(reply.json()["errcode"].is_string());
        let whole = alice.get(&format!("{DOWNLOAD}/{media}")).await;
        assert_eq!(whole.status, 200, "the file itself is still there");
    }
}

#[tokio::test]
async fn an_upload_has_a_largest_size() {
    let settings = Settings::default().literal("media.max_upload_bytes", "1000");
    let server = Server::start_with(settings).await;
    let alice = server.register("alice").await;
    for path in ["/_matrix/client/v1/media/config", "/_matrix/media/v3/config"] {
        assert_eq!(alice.get(path).await.ok()["m.upload.size"], json!(1000));
    }
    let fits = alice.upload("text/plain", "fits", vec![b'x'; 1000]).await;
    assert_eq!(alice.get(&format!("{DOWNLOAD}/{fits}")).await.bytes.len(), 1000);
    let large = alice.try_upload("text/plain", "large", vec![b'x'; 1001]).await;
    large.assert_matrix_error(413, "M_TOO_LARGE");
}

#[tokio::test]
async fn a_user_has_a_quota() {
    let settings = Settings::default().literal("media.max_bytes_per_user", "2500");
    let server = Server::start_with(settings).await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    alice.upload("text/plain", "one", vec![b'1'; 1000]).await;
    alice.upload("text/plain", "two", vec![b'2'; 1000]).await;
    let over = alice.try_upload("text/plain", "three", vec![b'3'; 1000]).await;
    assert!(matches!(over.status, 403 | 413), "{}", over.text());
    assert!(over.json()["errcode"].is_string());
    let media = bob.upload("text/plain", "his", vec![b'4'; 1000]).await;
    assert_eq!(bob.get(&format!("{DOWNLOAD}/{media}")).await.bytes, vec![b'4'; 1000]);
}

#[tokio::test]
async fn an_address_can_be_reserved_and_filled_once() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let body = alice.post("/_matrix/media/v1/create", json!({})).await.ok();
    let address = body["content_uri"].as_str().unwrap();
    let media = address.strip_prefix("mxc://").unwrap();
    assert!(body["unused_expires_at"].as_u64().is_some_and(|at| at > 0));
    let early = alice.get(&format!("{DOWNLOAD}/{media}?timeout_ms=0")).await;
    early.assert_matrix_error(504, "M_NOT_YET_UPLOADED");

    let path = format!("/_matrix/media/v3/upload/{media}");
    let foreign = bob.raw(reqwest::Method::PUT, &path, "{}").await;
    foreign.assert_matrix_error(403, "M_FORBIDDEN");
    let filled = alice.raw(reqwest::Method::PUT, &path, "{\"x\":1}").await;
    assert_eq!(filled.status, 200, "{}", filled.text());
    let again = alice.raw(reqwest::Method::PUT, &path, "{}").await;
    again.assert_matrix_error(409, "M_CANNOT_OVERWRITE_MEDIA");
    assert_eq!(bob.get(&format!("{DOWNLOAD}/{media}")).await.bytes, b"{\"x\":1}");
}

#[tokio::test]
async fn unknown_media_is_not_found() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let path = format!("{DOWNLOAD}/hearth.test/nothing");
    alice.get(&path).await.assert_matrix_error(404, "M_NOT_FOUND");
    let escape = alice.get(&format!("{DOWNLOAD}/hearth.test/..%2F..%2Fidentity.toml")).await;
    assert!(matches!(escape.status, 400 | 404), "{}", escape.text());
    assert!(escape.json()["errcode"].is_string());
}
