//! Owned state: in rooms of an unstable version people have state of their own, as much as they
//! like, and those with more power can set it for them.

use hearth_tests::{Client, Server};
use serde_json::json;

const KIND: &str = "org.example.owned";
const SUFFIX: &str = "_state_key_suffix:!@#$123";

async fn room_of_version(version: &str, creator: &Client, members: &[&Client]) -> String {
    let levels = json!({ "events": { KIND: 0 } });
    let options = json!({
        "room_version": version,
        "preset": "public_chat",
        "power_level_content_override": levels,
    });
    let room = creator.create_room(options).await;
    for member in members {
        member.join(&room).await;
    }
    room
}

#[tokio::test]
async fn state_keys_belong_to_their_users_and_to_those_with_more_power() {
    let server = Server::start().await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    for version in ["org.matrix.msc3757.10", "org.matrix.msc3757.11"] {
        let room = room_of_version(version, &alice, &[&bob, &carol]).await;
        let (own, others) = (&bob.user, &carol.user);
        let set = async |client: &Client, key: &str| {
            client.put_state(&room, KIND, key, json!({ "by": client.user })).await
        };
        for key in [own.clone(), format!("{own}{SUFFIX}")] {
            set(&bob, &key).await.ok();
            assert_eq!(bob.state(&room, KIND, &key).await.ok(), json!({ "by": own }));
        }
        for key in [own.clone(), format!("{own}{SUFFIX}"), "@nobody:elsewhere.test".to_owned()] {
            set(&alice, &key).await.ok();
        }
        let foreign = [
            others.clone(),
            format!("{others}{SUFFIX}"),
            format!("{own}{}", &SUFFIX[1..]),
            format!("@prefix_{own}{SUFFIX}"),
        ];
        for key in foreign {
            set(&bob, &key).await.assert_matrix_error(403, "M_FORBIDDEN");
        }
        for key in ["@oops".to_owned(), format!("{}@{}", alice.user, &SUFFIX[1..])] {
            set(&alice, &key).await.assert_matrix_error(400, "M_BAD_JSON");
        }
    }
}

#[tokio::test]
async fn elsewhere_they_belong_to_their_users_alone() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = room_of_version("11", &alice, &[&bob]).await;
    bob.put_state(&room, KIND, &bob.user, json!({})).await.ok();
    for key in [bob.user.clone(), format!("{}{SUFFIX}", alice.user), "@oops".to_owned()] {
        let refused = alice.put_state(&room, KIND, &key, json!({})).await;
        refused.assert_matrix_error(403, "M_FORBIDDEN");
    }
}
