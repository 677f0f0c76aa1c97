//! Several languages, accents and typos.

use super::*;

#[tokio::test]
async fn messages_are_found_in_every_language_and_in_mixtures() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    for (said, terms) in [
        ("我们明天在北京见面", &["北京", "明天", "见", "北京见面"][..]),
        ("今日は東京タワーに行きました", &["東京", "タワー", "行きました", "東京タワー"]),
        ("明日のmeetingはZoomで", &["meeting", "ZOOM", "明日"]),
        ("한국어를 배우고 있어요", &["한국어", "배우"]),
        ("Ça coûte très cher, à Besançon", &["ca coute", "BESANCON", "très"]),
        ("Straße in Łódź", &["strasse", "lodz"]),
        ("Ёжик в тумане", &["ежик", "ТУМАНЕ"]),
        ("ภาษาไทยไม่มีช่องว่าง", &["ไทย"]),
        ("हिन्दी में लिखा", &["हिन्दी", "लिखा"]),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", &["full width"]),
        ("Cafe\u{301} au lait", &["café", "cafe"]),
    ] {
        let said = test.say(&room, &alice, said).await;
        for term in terms {
            assert_eq!(test.find(&alice, term).await, from_ref(&said), "{term}");
        }
        test.redact(&room, &alice, &said).await;
    }
    test.say(&room, &alice, "北方的京城 日の本 にほんご").await;
    for term in ["北京", "日本", "か"] {
        assert_eq!(test.find(&alice, term).await, [""; 0], "{term}");
    }
}

#[tokio::test]
async fn words_with_typos_are_found_if_that_is_wanted() {
    let (test, alice) = (Test::new(), user("alice"));
    let room = test.room(&alice).await;
    let typo = test.say(&room, &alice, "the metting is tomorow").await;
    let right = test.say(&room, &alice, "the meeting is tomorrow").await;
    let term = "meeting tomorrow";
    assert_eq!(test.find(&alice, term).await, from_ref(&right));
    let with_typos = SearchQuery { with_typos: true, order: Order::Rank, ..query(&alice, term) };
    let page = test.page(with_typos).await;
    assert_eq!(ids(&page), [right, typo]);
    assert_eq!(page.highlights, ["meeting", "metting", "tomorow", "tomorrow"]);
    let short = SearchQuery { with_typos: true, ..query(&alice, "tha") };
    assert_eq!(ids(&test.page(short).await), [""; 0]);
}
