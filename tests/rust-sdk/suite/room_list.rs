//! The room list: which rooms there are, and what they are called.

use std::pin::pin;

use anyhow::{Result, bail};
use eyeball_im::Vector;
use futures_util::StreamExt;
use hearth_rust_sdk::{DEADLINE, Person};
use matrix_sdk_ui::room_list_service::{RoomListItem, filters::new_filter_non_left};

use crate::unique;

/// Waits until the list shows these names, the most recent room first.
async fn shows(person: &Person, wanted: &[&str]) -> Result<()> {
    let service = person.service.room_list_service();
    let list = service.all_rooms().await?;
    let (entries, controller) = list.entries_with_dynamic_adapters(50);
    controller.set_filter(Box::new(new_filter_non_left()));
    let mut entries = pin!(entries);
    let mut rooms = Vector::<RoomListItem>::new();
    let mut names: Vec<String> = Vec::new();
    let looking = async {
        while let Some(changes) = entries.next().await {
            changes.into_iter().for_each(|change| change.apply(&mut rooms));
            names.clear();
            for room in &rooms {
                names.extend(room.display_name().await.map(|name| name.to_string()));
            }
            if names == wanted {
                return;
            }
        }
    };
    if tokio::time::timeout(DEADLINE, looking).await.is_err() {
        bail!("the list shows {names:?} and not {wanted:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_listed_by_their_last_message() -> Result<()> {
    let alice = Person::register(&unique("alice")).await?;
    let bob = Person::register(&unique("bob")).await?;
    let kitchen = alice.create_room("Kitchen", &[&bob], false).await?;
    alice.create_room("Garden", &[&bob], false).await?;
    alice.create_room("Cellar", &[&bob], false).await?;
    alice.say(&kitchen, "Dinner!").await?;
    shows(&bob, &["Kitchen", "Cellar", "Garden"]).await?;
    // A second device starts with what there is.
    let tablet = bob.another_device().await?;
    shows(&tablet, &["Kitchen", "Cellar", "Garden"]).await?;
    // Who leaves a room does not see it any more, on any device.
    bob.client.get_room(&kitchen).expect("the kitchen").leave().await?;
    shows(&tablet, &["Cellar", "Garden"]).await
}
