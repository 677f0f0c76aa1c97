//! `@Moderation`: mutes, timeouts, bans, reports and their review, pins, archived rooms, rules.

use hearth_tests::{Chat, Client, Server, session::PASSWORD};
use serde_json::{Value, json};

/// A public room of the first, with the others in it.
async fn room_of(owner: &Chat, members: &[&Chat]) -> String {
    let room = owner.post("/rooms", json!({ "name": "Plaza", "type": "public" })).await.created();
    let room = room["id"].as_str().unwrap().to_owned();
    for member in members {
        member.post(&format!("/rooms/{room}/join"), json!({})).await.ok();
    }
    room
}

/// The same user, speaking Matrix.
async fn in_matrix(server: &Server, chat: &Chat) -> Client {
    server.anonymous().login(&chat.user, PASSWORD).await
}

async fn try_say(client: &Client, room: &str) -> u16 {
    let message = json!({ "msgtype": "m.text", "body": "hello" });
    client.send_as(room, "m.room.message", &client.transaction(), message).await.status
}

#[tokio::test]
async fn a_mute_holds_in_both_apis_and_survives_a_restart() {
    let mut server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = room_of(&alice, &[&bob]).await;
    let matrix = in_matrix(&server, &bob).await;
    assert_eq!(try_say(&matrix, &room).await, 200);
    let mutes = format!("/rooms/{room}/mutes");
    let mute = json!({ "user_id": bob.user, "duration": 3, "reason": "shouting" });
    let muted = alice.post(&mutes, mute).await.created();
    assert_eq!(muted["user"]["id"], bob.user);
    assert_eq!(muted["reason"], "shouting");
    assert!(muted["ends_at"].is_string());
    assert_eq!(try_say(&matrix, &room).await, 403);
    let messages = format!("/rooms/{room}/messages");
    let said = bob.post(&messages, json!({ "content": "hello" })).await;
    said.assert_problem(403, "may-not-write");
    let typing = json!({ "type": "typing_start", "room_id": room });
    assert_eq!(bob.socket().await.ask(typing).await["problem"]["status"], 403);
    // They can see, all the same.
    assert_eq!(bob.get(&messages).await.status, 200);
    assert_eq!(bob.get(&mutes).await.ok()["mutes"][0]["user"]["id"], bob.user);

    server.kill();
    server.restart().await;
    hearth_tests::wait::until("the mute to end", async || {
        let said = bob.post(&messages, json!({ "content": "hello" })).await;
        (said.status == 201).then_some(())
    })
    .await;
    assert_eq!(try_say(&matrix, &room).await, 200);
    assert_eq!(alice.get(&mutes).await.ok(), json!({ "mutes": [] }));
}

#[tokio::test]
async fn administrators_mute_members_and_nobody_above_them() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = room_of(&alice, &[&bob, &carol]).await;
    let role = format!("/rooms/{room}/members/{}/role", bob.user);
    alice.patch(&role, json!({ "role": "admin" })).await.ok();
    let timeouts = format!("/rooms/{room}/timeouts");
    let of = |user: &str, minutes: u64| json!({ "user_id": user, "minutes": minutes });
    for (who, whom) in [(&carol, &bob), (&bob, &alice), (&bob, &bob)] {
        who.post(&timeouts, of(&whom.user, 5)).await.assert_problem(403, "forbidden");
    }
    for minutes in [1, 11] {
        bob.post(&timeouts, of(&carol.user, minutes)).await.assert_invalid(&["minutes"]);
    }
    bob.post(&timeouts, of(&carol.user, 2)).await.created();
    let standing = format!("/rooms/{room}/members/{}/standing", carol.user);
    assert_eq!(bob.get(&standing).await.ok(), json!({ "standing": 90 }));
    carol.get(&standing).await.assert_problem(403, "forbidden");
    let unmute = format!("/rooms/{room}/mutes/{}", carol.user);
    carol.delete(&unmute).await.assert_problem(403, "forbidden");
    alice.delete(&unmute).await.done();
    alice.delete(&unmute).await.assert_problem(404, "not-found");
    let stranger = server.chat().register("dave").await;
    stranger.get(&format!("/rooms/{room}/mutes")).await.assert_problem(403, "not-a-member");
}

#[tokio::test]
async fn a_mute_does_not_make_somebody_admin_again() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = room_of(&alice, &[&bob]).await;
    let role = format!("/rooms/{room}/members/{}/role", bob.user);
    alice.patch(&role, json!({ "role": "admin" })).await.ok();
    let timeout = json!({ "user_id": bob.user, "minutes": 2 });
    alice.post(&format!("/rooms/{room}/timeouts"), timeout).await.created();
    alice.patch(&role, json!({ "role": "member" })).await.ok();
    let mutes = format!("/rooms/{room}/mutes");
    assert_eq!(alice.get(&mutes).await.ok(), json!({ "mutes": [] }));
    alice.post(&mutes, json!({ "user_id": bob.user, "duration": 1 })).await.created();
    hearth_tests::wait::until("the mute to end", async || {
        (bob.try_say(&room, "hello").await.status == 201).then_some(())
    })
    .await;
    let list = alice.get(&format!("/rooms/{room}/members")).await.ok();
    let roles = list["members"].as_array().unwrap().iter().map(|member| &member["role"]);
    assert_eq!(roles.collect::<Vec<_>>(), ["owner", "member"]);
}

#[tokio::test]
async fn bans_keep_people_out_until_they_are_lifted() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = room_of(&alice, &[&bob, &carol]).await;
    let bans = format!("/rooms/{room}/bans");
    carol.post(&bans, json!({ "user_id": bob.user })).await.assert_problem(403, "forbidden");
    alice.post(&bans, json!({ "user_id": bob.user })).await.done();
    let join = format!("/rooms/{room}/join");
    bob.post(&join, json!({})).await.assert_problem(403, "forbidden");
    assert_eq!(carol.get(&bans).await.ok()["users"][0]["id"], bob.user);
    alice.delete(&format!("{bans}/{}", bob.user)).await.done();
    bob.post(&join, json!({})).await.ok();
}

#[tokio::test]
async fn reports_of_both_apis_wait_in_one_queue() {
    let server = Server::start().await;
    let root = server.chat().login_as(&server.administrator("root").await).await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = room_of(&alice, &[&bob]).await;
    let matrix = in_matrix(&server, &bob).await;
    let message = matrix.say(&room, "rude words").await;
    let report = format!("/messages/{message}/report");
    alice.post(&report, json!({ "reason": "rude" })).await.done();
    alice.post(&report, json!({ "reason": "" })).await.assert_invalid(&["reason"]);
    let reason = json!({ "reason": "very rude" });
    in_matrix(&server, &alice)
        .await
        .post(&format!("/users/{}/report", bob.user), reason)
        .await
        .ok();
    alice.get("/admin/reports").await.assert_problem(403, "forbidden");

    let queue = root.get("/admin/reports").await.ok();
    let reports = queue["reports"].as_array().unwrap();
    let kinds: Vec<_> = reports.iter().map(|report| report["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["user", "message"]);
    assert_eq!(reports[1]["message_id"], message);
    assert_eq!(reports[1]["reason"], "rude");
    assert_eq!(reports[1]["user"]["id"], bob.user);
    let resolve = |report: &Value| format!("/admin/reports/{}/resolve", report["id"]);
    let unfit = json!({ "action": "ban" });
    root.post(&resolve(&reports[0]), unfit).await.assert_invalid(&["action"]);
    let delete = json!({ "action": "delete_message", "note": "indeed" });
    let resolved = root.post(&resolve(&reports[1]), delete.clone()).await.ok();
    assert_eq!(resolved["resolution"]["action"], "delete_message");
    root.post(&resolve(&reports[1]), delete).await.assert_problem(410, "gone");
    let event = matrix.get(&format!("/rooms/{room}/event/{message}")).await.ok();
    assert_eq!(event["content"], json!({}));
    root.post(&resolve(&reports[0]), json!({ "action": "suspend" })).await.ok();
    assert_eq!(try_say(&matrix, &room).await, 403);
    assert_eq!(root.get("/admin/reports").await.ok()["reports"], json!([]));
    let all = root.get("/admin/reports?status=all&limit=1").await.ok();
    assert_eq!(all["next"], reports[0]["id"]);

    let log = root.get("/admin/audit").await.ok();
    let actions = log["entries"].as_array().unwrap().iter().map(|entry| &entry["action"]);
    assert_eq!(actions.collect::<Vec<_>>(), ["suspend", "delete_message"]);
    alice.get("/admin/audit").await.assert_problem(403, "forbidden");
}

#[tokio::test]
async fn pins_are_those_of_matrix() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = room_of(&alice, &[&bob]).await;
    let matrix = in_matrix(&server, &bob).await;
    let message = matrix.say(&room, "read this").await;
    let pin = format!("/rooms/{room}/pins/{message}");
    bob.put(&pin, json!({})).await.assert_problem(403, "forbidden");
    alice
        .put(&format!("/rooms/{room}/pins/$nothing"), json!({}))
        .await
        .assert_problem(404, "not-found");
    alice.put(&pin, json!({})).await.done();
    let state = format!("/rooms/{room}/state/m.room.pinned_events");
    assert_eq!(matrix.get(&state).await.ok(), json!({ "pinned": [message] }));
    let pins = bob.get(&format!("/rooms/{room}/pins")).await.ok();
    assert_eq!(pins, json!({ "message_ids": [message] }));
    alice.delete(&pin).await.done();
    assert_eq!(matrix.get(&state).await.ok(), json!({ "pinned": [] }));
    alice.delete(&format!("/messages/{message}")).await.done();
    alice.put(&pin, json!({})).await.assert_problem(410, "gone");
}

#[tokio::test]
async fn an_archived_room_can_be_read_and_nothing_else() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = room_of(&alice, &[&bob]).await;
    let matrix = in_matrix(&server, &bob).await;
    let said = alice.say(&room, "closing time").await;
    let archive = format!("/rooms/{room}/archive");
    bob.put(&archive, json!({})).await.assert_problem(403, "forbidden");
    alice.put(&archive, json!({})).await.done();
    assert_eq!(try_say(&matrix, &room).await, 403);
    assert_eq!(bob.get(&format!("/rooms/{room}/messages")).await.status, 200);
    assert_eq!(bob.get(&format!("/rooms/{room}")).await.ok()["is_archived"], true);
    let join = format!("/rooms/{room}/join");
    carol.post(&join, json!({})).await.assert_problem(403, "archived");
    // Its owner is held back here as well.
    let message = format!("/messages/{said}");
    let invite = json!({ "user_id": carol.user });
    alice.try_say(&room, "one more").await.assert_problem(403, "archived");
    alice.put(&message, json!({ "content": "closed" })).await.assert_problem(403, "archived");
    for (path, body) in [
        (format!("{message}/reactions"), json!({ "emoji": "👍" })),
        (format!("/rooms/{room}/members"), invite),
    ] {
        alice.post(&path, body).await.assert_problem(403, "archived");
    }
    alice.delete(&archive).await.done();
    alice.delete(&archive).await.assert_problem(404, "not-found");
    assert_eq!(bob.get(&format!("/rooms/{room}")).await.ok()["is_archived"], false);
    assert_eq!(try_say(&matrix, &room).await, 200);
    carol.post(&join, json!({})).await.ok();
}

#[tokio::test]
async fn admins_neither_archive_a_room_nor_open_it_by_another_way() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = room_of(&alice, &[&bob]).await;
    let role = format!("/rooms/{room}/members/{}/role", bob.user);
    alice.patch(&role, json!({ "role": "admin" })).await.ok();
    let archive = format!("/rooms/{room}/archive");
    bob.put(&archive, json!({})).await.assert_problem(403, "forbidden");
    let matrix = in_matrix(&server, &bob).await;
    let forged = json!({ "archived": true, "before": { "levels": { "invite": 0 } } });
    let forged = matrix.put_state(&room, "org.hearth.archived", "", forged).await;
    forged.assert_matrix_error(403, "M_FORBIDDEN");
    alice.put(&archive, json!({})).await.done();
    bob.delete(&archive).await.assert_problem(403, "forbidden");
    assert_eq!(try_say(&matrix, &room).await, 403);
    for owner_or_admin in [&alice, &bob] {
        let path = format!("/rooms/{room}");
        let opened = owner_or_admin.put(&path, json!({ "type": "public" })).await;
        opened.assert_problem(409, "archived");
    }
    for (kind, content) in [
        ("m.room.join_rules", json!({ "join_rule": "public" })),
        ("m.room.power_levels", json!({ "events_default": 0 })),
    ] {
        let refused = matrix.put_state(&room, kind, "", content).await;
        refused.assert_matrix_error(403, "M_FORBIDDEN");
    }
    let join = format!("/rooms/{room}/join");
    carol.post(&join, json!({})).await.assert_problem(403, "archived");
    alice.delete(&format!("/rooms/{room}")).await.done();
}

#[tokio::test]
async fn required_rules_are_accepted_before_the_first_post() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = room_of(&alice, &[&bob]).await;
    let rules = format!("/rooms/{room}/rules");
    let none = json!({ "text": "", "is_required": false, "is_accepted": false });
    assert_eq!(bob.get(&rules).await.ok(), none);
    let set = json!({ "text": "Be kind.", "required": true });
    bob.put(&rules, set.clone()).await.assert_problem(403, "forbidden");
    alice.put(&rules, set).await.done();
    let shown = json!({ "text": "Be kind.", "is_required": true, "is_accepted": false });
    // Who comes in sees them before and as they join.
    for chat in [&bob, &carol] {
        assert_eq!(chat.get(&rules).await.ok(), shown);
    }
    let joined = carol.post(&format!("/rooms/{room}/join"), json!({})).await.ok();
    assert_eq!(joined["rules"], json!({ "text": "Be kind.", "is_required": true }));
    let secret = json!({ "name": "Secret", "type": "private" });
    let secret = alice.post("/rooms", secret).await.created();
    assert_eq!(secret["rules"], Value::Null);
    let rules_of_secret = format!("/rooms/{}/rules", secret["id"].as_str().unwrap());
    bob.get(&rules_of_secret).await.assert_problem(403, "not-a-member");
    let messages = format!("/rooms/{room}/messages");
    let said = async |chat: &Chat| chat.post(&messages, json!({ "content": "hello" })).await;
    said(&bob).await.assert_problem(403, "rules-not-accepted");
    said(&alice).await.created();
    bob.post(&format!("{rules}/accept"), json!({})).await.done();
    said(&bob).await.created();
    assert_eq!(bob.get(&rules).await.ok()["is_accepted"], true);
}

#[tokio::test]
async fn administrators_read_public_rooms_without_a_trace_in_the_room() {
    let server = Server::start().await;
    let root = server.chat().login_as(&server.administrator("root").await).await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = room_of(&alice, &[]).await;
    let matrix = in_matrix(&server, &alice).await;
    matrix.say(&room, "anybody here?").await;
    let path = format!("/admin/rooms/{room}/messages");
    bob.get(&path).await.assert_problem(403, "forbidden");
    let page = root.get(&path).await.ok();
    let last = page["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(last["content"], "anybody here?");
    let members = alice.get(&format!("/rooms/{room}/members")).await.ok();
    assert!(!members.to_string().contains(&root.user), "{members}");
    let log = root.get("/admin/audit").await.ok();
    assert_eq!(log["entries"][0]["action"], "read_room");
    assert_eq!(log["entries"][0]["room_id"], room);

    let private = json!({ "name": "Cellar", "type": "private" });
    let private = alice.post("/rooms", private).await.created();
    let path = format!("/admin/rooms/{}/messages", private["id"].as_str().unwrap());
    root.get(&path).await.assert_problem(403, "forbidden");
}

#[tokio::test]
async fn moderators_have_a_room_that_follows_the_list_of_them() {
    let server = Server::start().await;
    let [alice, bob] = server.chatters(["alice", "bob"]).await;
    let room = room_of(&alice, &[&bob]).await;
    let open = format!("/rooms/{room}/moderators-room");
    bob.put(&open, json!({})).await.assert_problem(403, "forbidden");
    let theirs = alice.put(&open, json!({})).await.ok()["room_id"].as_str().unwrap().to_owned();
    let members = format!("/rooms/{theirs}/members");
    bob.get(&members).await.assert_problem(403, "not-a-member");
    let role = format!("/rooms/{room}/members/{}/role", bob.user);
    for (new, status) in [("admin", 200), ("member", 403)] {
        alice.patch(&role, json!({ "role": new })).await.ok();
        hearth_tests::wait::until("the list to be followed", async || {
            (bob.get(&members).await.status == status).then_some(())
        })
        .await;
    }
}
