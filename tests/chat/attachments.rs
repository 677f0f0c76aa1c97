//! `@Attachment`: files that come with messages.

use std::io::{Cursor, Write};

use hearth_tests::{
    Server, Settings,
    media::{assert_parts, dimensions, form, png},
    session::PASSWORD,
};
use reqwest::Method;
use serde_json::{Value, json};

const MIB: usize = 1024 * 1024;

/// A file of a ZIP archive that is not compressed.
fn zip(name: &str) -> Vec<u8> {
    let mut bytes = b"PK\x03\x04\x14\0\0\0\0\0".to_vec();
    bytes.resize(26, 0);
    bytes.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    bytes.extend([0, 0]);
    bytes.extend(name.as_bytes());
    bytes
}

/// A document of Word as it was before 2007: a compound file with a stream of that name.
fn compound_file(stream: &str) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.create_stream(stream).unwrap().write_all(b"\xec\xa5\xc1\0").unwrap();
    file.into_inner().into_inner()
}

fn path(attachment: &Value) -> String {
    format!("/attachments/{}", attachment["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_file_is_what_its_content_says() {
    let server = Server::start().await;
    let alice = server.chat().register("alice").await;
    let picture = png(40, 30);
    let attachment = alice.attach("glow.txt", &picture).await;
    assert_eq!(attachment["filename"], "glow.txt");
    assert_eq!(attachment["mime_type"], "image/png");
    assert_eq!(attachment["size"], picture.len());
    assert!(attachment["uploaded_at"].is_string());
    assert_eq!(attachment["url"], format!("/api{}", path(&attachment)));
    let reply = alice.get(&path(&attachment)).await;
    assert_eq!((reply.status, &reply.bytes), (200, &picture));
    assert_eq!(reply.header("content-type"), "image/png");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert!(reply.header("content-security-policy").contains("sandbox"));

    let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let gif = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\0\0\0;".to_vec();
    for (content, kind) in [
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec(), "image/jpeg"),
        (gif, "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ".to_vec(), "image/webp"),
        (b"%PDF-1.7\n".to_vec(), "application/pdf"),
        (zip("a.txt"), "application/zip"),
        (zip("word/document.xml"), docx),
        (compound_file("WordDocument"), "application/msword"),
    ] {
        let attachment = alice.attach("file", &content).await;
        assert_eq!(attachment["mime_type"], kind);
        let reply = alice.get(&path(&attachment)).await;
        assert_eq!(reply.bytes, content);
        let disposition = reply.header("content-disposition");
        assert_eq!(disposition.starts_with("inline"), kind.starts_with("image/"), "{disposition}");
    }
}

#[tokio::test]
async fn a_file_can_be_had_in_parts() {
    let server = Server::start().await;
    let [alice, eve] = server.chatters(["alice", "eve"]).await;
    let paper = [b"%PDF-1.7\n".to_vec(), vec![7; MIB]].concat();
    let path = path(&alice.attach("a.pdf", &paper).await);
    let request = |method| alice.request(method, &path);
    let refused = assert_parts(request, |request| alice.exchange(request), &paper).await;
    refused.assert_problem(416, "range-not-satisfiable");
    for (name, value) in
        [("range", "bytes=0-1"), ("range", "bytes=9999999-"), ("if-none-match", "*")]
    {
        let request = eve.request(Method::GET, &path).header(name, value);
        eve.exchange(request).await.assert_problem(403, "forbidden");
    }
}

#[tokio::test]
async fn other_types_other_forms_and_large_files_are_refused() {
    let server = Server::start().await;
    let alice = server.chat().register("alice").await;
    for content in [&b"<html><script>alert(1)</script>"[..], b"MZ\x90\0\x03", b"just text", b""] {
        let refused = alice.post_form(form("file", "picture.png", content)).await;
        refused.assert_problem(415, "unsupported-type");
    }
    let sheet = form("file", "letter.doc", &compound_file("Workbook"));
    alice.post_form(sheet).await.assert_problem(415, "unsupported-type");
    let most = [png(4, 4), vec![0; 10 * MIB]].concat();
    alice.attach("most.png", &most[..10 * MIB]).await;
    for size in [10 * MIB + 1, 14 * MIB] {
        let more = [png(4, 4), vec![0; size]].concat();
        let refused = alice.post_form(form("file", "more.png", &more[..size])).await;
        refused.assert_problem(413, "too-large");
    }
    let missing = alice.post_form(form("other", "a.png", &png(4, 4))).await;
    missing.assert_invalid(&["file"]);
    alice.post("/attachments/upload", json!({})).await.assert_problem(400, "invalid-request");
    alice.post_form(b"nonsense".to_vec()).await.assert_problem(400, "invalid-request");
    server
        .chat()
        .post_form(form("file", "a.png", &png(4, 4)))
        .await
        .assert_problem(401, "unauthorized");
    let settings = Settings::default().literal("media.max_bytes_per_user", "100");
    let server = Server::start_with(settings).await;
    let bob = server.chat().register("bob").await;
    let full = bob.post_form(form("file", "a.png", &png(100, 100))).await;
    full.assert_problem(403, "quota-exceeded");
}

#[tokio::test]
async fn a_file_is_for_those_who_may_see_its_message() {
    let server = Server::start().await;
    let [alice, bob, eve] = server.chatters(["alice", "bob", "eve"]).await;
    let room_id = alice.room_with(&[&bob]).await;
    let attachment = alice.attach("a.png", &png(400, 300)).await;
    bob.get(&path(&attachment)).await.assert_problem(403, "forbidden");
    let body = json!({ "content": "**look**", "attachments": [attachment["id"]] });
    let message = alice.post(&format!("/rooms/{room_id}/messages"), body).await.created();
    assert_eq!(message["type"], "image");
    assert_eq!(message["content"], "**look**");
    assert_eq!(message["attachments"][0]["id"], attachment["id"]);
    assert_eq!(message["attachments"][0]["filename"], "a.png");
    assert_eq!(message["attachments"][0]["mime_type"], "image/png");
    assert_eq!(message["attachments"][0]["size"], attachment["size"]);
    assert_eq!(bob.get(&path(&attachment)).await.bytes, png(400, 300));
    let thumbnail = bob.get(&format!("{}/thumbnail?width=32&height=32", path(&attachment))).await;
    assert_eq!(thumbnail.status, 200, "{}", thumbnail.text());
    let (width, height) = dimensions(&thumbnail.bytes);
    assert!((32..400).contains(&width) && width * 3 == height * 4, "{width}x{height}");
    for path in [path(&attachment), format!("{}/thumbnail", path(&attachment))] {
        eve.get(&path).await.assert_problem(403, "forbidden");
        server.chat().get(&path).await.assert_problem(401, "unauthorized");
    }
    eve.get("/attachments/unknown").await.assert_problem(404, "not-found");
    // Element sees a picture with a caption.
    let matrix = server.anonymous().login("bob", PASSWORD).await;
    let events = format!("/_matrix/client/v3/rooms/{room_id}/messages?dir=b&limit=1");
    let content = &matrix.get(&events).await.ok()["chunk"][0]["content"];
    assert_eq!((&content["msgtype"], &content["filename"]), (&json!("m.image"), &json!("a.png")));
    assert_eq!(content["body"], "**look**");
    assert!(content["url"].as_str().unwrap().starts_with("mxc://hearth.test/"));
    // With the message goes the right to see it.
    let deleted = alice.delete(&format!("/messages/{}", message["id"].as_str().unwrap())).await;
    deleted.done();
    bob.get(&path(&attachment)).await.assert_problem(403, "forbidden");
    assert_eq!(alice.get(&path(&attachment)).await.status, 200, "her own");
}

#[tokio::test]
async fn a_message_may_have_several_files_and_no_text() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room_id = alice.room_with(&[&bob]).await;
    let picture = alice.attach("a.png", &png(4, 4)).await;
    let paper = alice.attach("b.pdf", b"%PDF-1.7\n").await;
    let send = async |body: Value| alice.post(&format!("/rooms/{room_id}/messages"), body).await;
    let body = json!({
        "content": "both", "attachments": [picture["id"], paper["id"]], "client_id": "both",
    });
    let message = send(body.clone()).await.created();
    assert_eq!(send(body).await.ok()["id"], message["id"], "sent once");
    let names = |message: &Value| -> Vec<String> {
        let files = message["attachments"].as_array().unwrap().iter();
        files.map(|file| file["filename"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&message), ["a.png", "b.pdf"]);
    let page = bob.get(&format!("/rooms/{room_id}/messages")).await.ok();
    let listed = page["messages"].as_array().unwrap().iter();
    let listed: Vec<_> = listed.filter(|message| message["type"] != "system").collect();
    assert_eq!(listed.len(), 1, "{page}");
    assert_eq!(names(listed[0]), ["a.png", "b.pdf"]);
    assert_eq!(bob.get(&path(&paper)).await.status, 200);
    // Matrix clients see both, one after the other.
    let matrix = server.anonymous().login("bob", PASSWORD).await;
    let events = format!("/_matrix/client/v3/rooms/{room_id}/messages?dir=b&limit=2");
    let events = matrix.get(&events).await.ok();
    let kinds: Vec<_> = (0..2).map(|at| &events["chunk"][at]["content"]["msgtype"]).collect();
    assert_eq!(kinds, ["m.file", "m.image"]);

    let alone = send(json!({ "attachments": [paper["id"]] })).await.created();
    assert_eq!((&alone["type"], &alone["content"]), (&json!("file"), &json!("")));
    let edited = alice
        .put(&format!("/messages/{}", message["id"].as_str().unwrap()), json!({ "content": "2" }))
        .await
        .ok();
    assert_eq!((&edited["content"], names(&edited).len()), (&json!("2"), 2));
    send(json!({ "attachments": ["unknown"] })).await.assert_invalid(&["attachments[0]"]);
    send(json!({ "attachments": [] })).await.assert_invalid(&["content"]);
    let many: Vec<_> = std::iter::repeat_n(&paper["id"], 11).collect();
    send(json!({ "attachments": many })).await.assert_invalid(&["attachments"]);
    let stolen = json!({ "attachments": [bob.attach("c.png", &png(5, 5)).await["id"]] });
    send(stolen).await.assert_invalid(&["attachments[0]"]);
}

#[tokio::test]
async fn what_was_sent_with_matrix_is_an_attachment_here() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room_id = alice.room_with(&[&bob]).await;
    let matrix = server.anonymous().login("alice", PASSWORD).await;
    let media = matrix.upload("image/png", "matrix.png", png(8, 8)).await;
    let content = json!({
        "msgtype": "m.image", "body": "matrix.png", "url": format!("mxc://{media}"),
        "info": { "mimetype": "image/png", "size": png(8, 8).len(), "w": 8, "h": 8 },
    });
    let send = format!("/_matrix/client/v3/rooms/{room_id}/send/m.room.message/1");
    matrix.put(&send, content).await.ok();
    let page = bob.get(&format!("/rooms/{room_id}/messages?limit=1")).await.ok();
    let attachment = &page["messages"][0]["attachments"][0];
    assert_eq!(attachment["mime_type"], "image/png");
    for field in ["url", "thumbnail_url"] {
        let address = attachment[field].as_str().unwrap().strip_prefix("/api").unwrap();
        let reply = bob.get(address).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let eve = server.chat().register("eve").await;
    let address = attachment["url"].as_str().unwrap().strip_prefix("/api").unwrap();
    eve.get(address).await.assert_problem(403, "forbidden");
}

#[tokio::test]
async fn avatars_are_for_everybody() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let matrix = server.anonymous().login("alice", PASSWORD).await;
    let media = matrix.upload("image/png", "face.png", png(8, 8)).await;
    let address = format!("/attachments/{}", media.split('/').next_back().unwrap());
    bob.get(&address).await.assert_problem(403, "forbidden");
    let profile = format!("/_matrix/client/v3/profile/{}/avatar_url", alice.user);
    matrix.put(&profile, json!({ "avatar_url": format!("mxc://{media}") })).await.ok();
    let user = bob.get(&format!("/users/{}", alice.user)).await.ok();
    assert_eq!(user["avatar_url"], format!("/api{address}"));
    assert_eq!(bob.get(&address).await.bytes, png(8, 8));
}
