//! The media endpoints of before Matrix 1.11: under all their names, and frozen if so configured.

use hearth_tests::{Server, Settings, media::png};
use serde_json::json;

const VERSIONS: [&str; 3] = ["v3", "r0", "v1"];

#[tokio::test]
async fn every_endpoint_answers_under_all_of_its_names() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let nobody = server.anonymous();
    let picture = png(40, 30);
    for version in VERSIONS {
        let base = format!("/_matrix/media/{version}");
        let upload = alice
            .request(reqwest::Method::POST, &format!("{base}/upload?filename=a.png"))
            .header("content-type", "image/png")
            .body(picture.clone());
        let uri = alice.exchange(upload).await.ok()["content_uri"].as_str().unwrap().to_owned();
        let media = uri.strip_prefix("mxc://").unwrap();
        for path in [format!("{base}/download/{media}"), format!("{base}/download/{media}/b.png")] {
            let reply = nobody.get(&path).await;
            assert_eq!((reply.status, &reply.bytes), (200, &picture), "{path}");
            assert_eq!(reply.header("content-type"), "image/png");
        }
        let path = format!("{base}/thumbnail/{media}?width=32&height=32&method=crop&animated=true");
        let thumbnail = nobody.get(&path).await;
        assert_eq!(thumbnail.status, 200, "{}", thumbnail.text());
        assert!(thumbnail.header("content-type").starts_with("image/"));
        assert!(alice.get(&format!("{base}/config")).await.ok()["m.upload.size"].is_u64());

        let created = alice.post("/_matrix/media/v1/create", json!({})).await.ok();
        let created = created["content_uri"].as_str().unwrap().to_owned();
        let path = format!("{base}/upload/{}", created.strip_prefix("mxc://").unwrap());
        let filled = alice.raw(reqwest::Method::PUT, &path, "{}").await;
        assert_eq!(filled.status, 200, "{path}: {}", filled.text());
    }
}

#[tokio::test]
async fn what_comes_after_the_freeze_is_for_those_who_are_logged_in() {
    let settings = Settings::default().literal("media.freeze_unauthenticated_at", "1000000000");
    let server = Server::start_with(settings).await;
    let alice = server.register("alice").await;
    let media = alice.upload("image/png", "a.png", png(40, 30)).await;
    for path in [
        format!("/_matrix/media/v3/download/{media}"),
        format!("/_matrix/media/v3/download/{media}/b.png"),
        format!("/_matrix/media/v3/thumbnail/{media}?width=32&height=32"),
    ] {
        alice.get(&path).await.assert_matrix_error(404, "M_NOT_FOUND");
        let authenticated = path.replace("/_matrix/media/v3", "/_matrix/client/v1/media");
        assert_eq!(alice.get(&authenticated).await.status, 200, "{authenticated}");
    }
}

#[tokio::test]
async fn what_was_there_before_the_freeze_stays() {
    let settings = Settings::default().literal("media.freeze_unauthenticated_at", "99999999999");
    let server = Server::start_with(settings).await;
    let alice = server.register("alice").await;
    let media = alice.upload("image/png", "a.png", png(40, 30)).await;
    let reply = server.anonymous().get(&format!("/_matrix/media/v3/download/{media}")).await;
    assert_eq!((reply.status, reply.bytes), (200, png(40, 30)));
}

/// A gzip file of 10 MB of zeros would have 10 kB; no more than its beginning matters here.
#[tokio::test]
async fn compressed_bodies_are_not_unpacked() {
    let server = Server::start().await;
    let alice = server.register("alice").await;
    let bomb = [&[0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff][..], &[0xed; 10_000]].concat();
    for encoding in ["gzip", "br", "deflate", "zstd"] {
        let request = alice
            .request(reqwest::Method::POST, "/createRoom")
            .header("content-type", "application/json")
            .header("content-encoding", encoding)
            .body(bomb.clone());
        let reply = alice.exchange(request).await;
        assert!(matches!(reply.status, 400 | 415), "{encoding}: {}", reply.text());
        assert!(reply.json()["errcode"].is_string());
        let request = alice
            .request(reqwest::Method::POST, "/_matrix/media/v3/upload")
            .header("content-type", "image/png")
            .header("content-encoding", encoding)
            .body(bomb.clone());
        let uri = alice.exchange(request).await.ok()["content_uri"].as_str().unwrap().to_owned();
        let media = uri.strip_prefix("mxc://").unwrap();
        let kept = alice.get(&format!("/_matrix/client/v1/media/download/{media}")).await;
        assert_eq!((kept.bytes.len(), kept.headers.get("content-encoding")), (bomb.len(), None));
    }
}
