//! `@Authorization`: who may do what.

use hearth_tests::{Chat, Reply, Server};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn only_members_read_and_write() {
    let server = Server::start().await;
    let [alice, carol] = server.chatters(["alice", "carol"]).await;
    let room = alice.create_room("Hearth", "public").await;
    let said = alice.say(&room, "hello").await;
    let path = format!("/rooms/{room}/messages");
    carol.get(&path).await.assert_problem(403, "not-a-member");
    carol.try_say(&room, "hello").await.assert_problem(403, "not-a-member");
    carol.get(&format!("/messages/{said}")).await.assert_problem(404, "not-found");
    carol.get("/messages/$nothing").await.assert_problem(404, "not-found");
}

#[tokio::test]
async fn direct_messages_are_between_two() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.chatters(["alice", "bob", "carol"]).await;
    let room = alice.direct_room(&bob.user).await;
    let said = alice.say(&room, "between us").await;
    let carols = carol.create_room("Elsewhere", "public").await;
    assert_eq!(bob.message(&said).await["content"], "between us");

    carol.get(&format!("/rooms/{room}")).await.assert_problem(403, "forbidden");
    carol.get(&format!("/messages/{said}")).await.assert_problem(404, "not-found");
    for path in ["messages", "members", "media", "pins"] {
        let refused = carol.get(&format!("/rooms/{room}/{path}")).await;
        assert!([403, 404].contains(&refused.status), "{path}: {}", refused.text());
    }
    let listed = carol.get("/rooms").await.ok();
    assert_eq!(listed["rooms"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["rooms"][0]["id"], carols.as_str());
    let reaction = json!({ "emoji": "👍" });
    let refused = carol.post(&format!("/messages/{said}/reactions"), reaction).await;
    refused.assert_problem(404, "not-found");
    let refused = carol.post(&format!("/rooms/{room}/join"), json!({})).await;
    assert!([403, 404].contains(&refused.status), "{}", refused.text());
    for insider in [&alice, &bob] {
        let third = json!({ "user_id": carol.user });
        let refused = insider.post(&format!("/rooms/{room}/members"), third).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
        let refused = insider.post(&format!("/rooms/{room}/invites"), json!({})).await;
        assert_eq!(refused.status, 403, "{}", refused.text());
    }
}

/// What people are in a room, from nothing to everything.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Role {
    Outsider,
    Member,
    Admin,
    Owner,
}

use Role::{Admin, Member, Outsider, Owner};

/// Does something in a room that whoever has the right may do again.
async fn act(actor: &Chat, method: Method, path: String, body: Value) -> Reply {
    actor.exchange(actor.request(method, &path).json(&body)).await
}

#[tokio::test]
async fn everybody_may_do_what_their_role_says_and_no_more() {
    let server = Server::start().await;
    let [owner, admin, member, outsider, victim] =
        server.chatters(["owner", "admin", "member", "outsider", "victim"]).await;
    let room = owner.room_with(&[&admin, &member, &victim]).await;
    let in_room = |path: &str| format!("/rooms/{room}{path}");
    let role = |who: &Chat| in_room(&format!("/members/{}/role", who.user));
    owner.patch(&role(&admin), json!({ "role": "admin" })).await.ok();
    let post = owner.say(&room, "hello").await;
    let people = [(Outsider, &outsider), (Member, &member), (Admin, &admin), (Owner, &owner)];
    for (has, actor) in people {
        let said = victim.say(&room, "something else").await;
        let guest = server.chat().register(&format!("guest_{}", has as u8)).await;
        let invitee = json!({ "user_id": guest.user });
        let (kick, mute) = (json!({}), json!({ "user_id": victim.user, "duration_seconds": 60 }));
        let actions = [
            (Member, Method::GET, in_room("/messages"), json!({})),
            (Member, Method::GET, in_room("/members"), json!({})),
            (Member, Method::POST, in_room("/messages"), json!({ "content": "me too" })),
            (Member, Method::POST, format!("/messages/{said}/reactions"), json!({ "emoji": "🔥" })),
            (Admin, Method::PUT, in_room(""), json!({ "description": "of all kinds" })),
            (Admin, Method::POST, in_room("/members"), invitee),
            (Admin, Method::DELETE, in_room(&format!("/members/{}", guest.user)), kick),
            (Admin, Method::POST, in_room("/invites"), json!({})),
            (Admin, Method::PUT, in_room(&format!("/pins/{post}")), json!({})),
            (Admin, Method::PUT, in_room("/rules"), json!({ "text": "Be kind" })),
            (Admin, Method::POST, in_room("/mutes"), mute),
            (Admin, Method::DELETE, in_room(&format!("/mutes/{}", victim.user)), json!({})),
            (Admin, Method::DELETE, format!("/messages/{said}"), json!({})),
            (Owner, Method::PATCH, role(&victim), json!({ "role": "member" })),
            (Owner, Method::DELETE, in_room(""), json!({})),
        ];
        for (needs, method, path, body) in actions {
            let reply = act(actor, method, path, body).await;
            let is_allowed = has >= needs;
            let refusals: &[u16] = if has == Outsider { &[403, 404] } else { &[403] };
            let is_right = if is_allowed {
                (200..300).contains(&reply.status)
            } else {
                refusals.contains(&reply.status)
            };
            let text = reply.text();
            assert!(
                is_right,
                "{has:?}, {needs:?} needed: {} {} {text}",
                reply.request, reply.status
            );
        }
    }
}

#[tokio::test]
async fn what_others_wrote_is_theirs_to_edit() {
    let server = Server::start().await;
    let [owner, member] = server.chatters(["owner", "member"]).await;
    let room = owner.room_with(&[&member]).await;
    let (of_owner, of_member) = (owner.say(&room, "mine").await, member.say(&room, "hers").await);
    let edit = json!({ "content": "changed" });
    for (actor, message) in [(&owner, &of_member), (&member, &of_owner)] {
        let refused = actor.put(&format!("/messages/{message}"), edit.clone()).await;
        refused.assert_problem(403, "forbidden");
    }
    let refused = member.delete(&format!("/messages/{of_owner}")).await;
    let told = refused.json()["detail"].clone();
    assert!(!told.as_str().unwrap().contains("m.room"), "{told}");
    refused.assert_problem(403, "forbidden");
    owner.delete(&format!("/messages/{of_member}")).await.done();
    assert_eq!(owner.message(&of_owner).await["content"], "mine");
    assert_eq!(member.message(&of_member).await["content"], "[deleted]");
}
