//! What happens to the files of the index.

use super::*;

#[tokio::test]
async fn an_index_goes_on_after_a_restart_and_is_made_again_when_it_is_damaged() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    let first = test.say(&room, &alice, "before the restart").await;
    assert_eq!(test.find(&alice, "restart").await, from_ref(&first));
    let test = test.restart().await;
    let second = test.say(&room, &alice, "after the restart").await;
    assert_eq!(test.find(&alice, "restart").await, [second.clone(), first.clone()]);

    std::fs::write(test.directory.path().join("search/meta.json"), b"damaged").unwrap();
    let test = test.restart().await;
    assert_eq!(test.find(&alice, "restart").await, [second, first]);
}

/// The files of an index that hold entries.
fn segments(test: &Test) -> Vec<PathBuf> {
    let files = std::fs::read_dir(test.index_directory()).unwrap();
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|kind| kind != "json");
    files.map(|file| file.unwrap().path()).filter(is_segment).collect()
}

#[tokio::test]
async fn a_changed_byte_is_noticed_and_the_index_made_again() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    let said = test.say(&room, &alice, "a word").await;
    assert_eq!(test.find(&alice, "word").await, from_ref(&said));
    let test = test.stop().await;
    for path in segments(&test) {
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(first) = bytes.first_mut() {
            *first ^= 0xff;
        }
        std::fs::write(path, bytes).unwrap();
    }
    let test = test.start();
    test.until_found(&alice, "word", &said).await;
}

#[tokio::test]
async fn an_index_that_is_taken_away_is_made_again_while_searches_go_on() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    let said = test.say(&room, &alice, "a word").await;
    assert_eq!(test.find(&alice, "word").await, from_ref(&said));
    take_away(&test.index_directory()).unwrap();
    assert_eq!(test.find(&alice, "word").await, from_ref(&said));
    let later = test.say(&room, &alice, "a later word").await;
    test.until_found(&alice, "word", &later).await;
    test.until_found(&alice, "word", &said).await;
    let progress = Progress::read(&test.index_directory()).unwrap();
    assert!(progress.is_complete());
}
