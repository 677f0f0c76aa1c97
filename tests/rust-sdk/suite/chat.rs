//! Two people talk in an encrypted room.

use anyhow::Result;
use hearth_rust_sdk::Person;

use crate::unique;

#[tokio::test(flavor = "multi_thread")]
async fn each_reads_what_the_other_says() -> Result<()> {
    let alice = Person::register(&unique("alice")).await?;
    let bob = Person::register(&unique("bob")).await?;
    let room = alice.create_room("Secrets", &[&bob], true).await?;
    let question = alice.say(&room, "Is this safe?").await?;
    assert_eq!(bob.reads(&room, &question).await?, ("Is this safe?".to_owned(), true));
    let answer = bob.say(&room, "It is.").await?;
    assert_eq!(alice.reads(&room, &answer).await?, ("It is.".to_owned(), true));
    Ok(())
}
