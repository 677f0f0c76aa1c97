//! Files as parts of a message.
//!
//! A message with a file is the event that Matrix has for that, with the text as its caption.
//! Matrix has none for several files: the event of the first one lists them all for this API, and
//! for Matrix clients an event for each other file follows, which this API does not show.

use hearth_media::{MediaId, MediaInfo};
use hearth_rooms::Event;
use ruma::{EventId, UserId};
use serde_json::{Value, json};

use super::access::readable;
use crate::{ChatApi, Faults, Problem, Settings};

/// Most files of a message.
const FILES_MAX: usize = 10;
/// All files of a message that has several, in the content of its event.
const ALL_FILES: &str = "org.hearth.attachments";
/// What marks an event that only shows a file of another one to Matrix clients.
const FURTHER_FILE: &str = "org.hearth.further_attachment";

/// The files that a message is to show.
pub(crate) struct Files(Vec<(MediaId, MediaInfo)>);

/// Checks the ids of files.
pub(crate) fn check_files(faults: &mut Faults, ids: &[String]) {
    let holds = ids.len() <= FILES_MAX;
    faults.check("attachments", holds, &format!("they must not be more than {FILES_MAX}"));
}

impl Files {
    /// The files with these ids, which the user may see.
    ///
    /// # Errors
    /// 400 if there is no such file for the user.
    pub(crate) async fn find(
        api: &ChatApi,
        user: &UserId,
        ids: &[String],
    ) -> Result<Self, Problem> {
        let mut files = Vec::with_capacity(ids.len());
        for (at, id) in ids.iter().enumerate() {
            let file = readable(api, user, id, None).await.map_err(|problem| {
                if problem.status().is_client_error() {
                    let field = format!("attachments[{at}]");
                    Problem::invalid_field(&field, "there is no such attachment for you")
                } else {
                    problem
                }
            })?;
            files.push(file);
        }
        Ok(Self(files))
    }

    /// Makes the content of a text that of the files, with the text as caption.
    pub(crate) fn put_into(&self, settings: &Settings, content: &mut Value) {
        let Some(first) = self.0.first() else {
            return;
        };
        let caption = content["body"].as_str().unwrap_or_default().to_owned();
        let file = event_content(settings, first);
        for key in ["msgtype", "filename", "url", "info"] {
            content[key] = file[key].clone();
        }
        if caption.is_empty() {
            content["body"] = file["body"].clone();
        }
        if self.0.len() > 1 {
            let all = self.0.iter().map(|file| event_content(settings, file));
            content[ALL_FILES] = all.collect();
        }
    }

    /// The contents of the events that show the files after the first one to Matrix clients.
    pub(crate) fn further<'a>(
        &'a self,
        settings: &'a Settings,
        message: &'a EventId,
    ) -> impl Iterator<Item = Value> + 'a {
        self.0.iter().skip(1).map(move |file| {
            let mut content = event_content(settings, file);
            content[FURTHER_FILE] = json!(true);
            content["m.relates_to"] = json!({ "rel_type": "m.reference", "event_id": message });
            content["m.mentions"] = json!({});
            content
        })
    }

    /// Lets those who may see the event have the files.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn note(&self, api: &ChatApi, event: &EventId) -> Result<(), Problem> {
        for (media_id, _) in &self.0 {
            api.media.note_shown(media_id, event).await?;
        }
        Ok(())
    }
}

/// Lets an edit keep the files of the message: it changes only the caption.
pub(crate) fn keep_files(message: &Event, content: &mut Value) {
    let Some(original) = message.pdu().content_as::<Value>() else {
        return;
    };
    if original.get("url").is_none() && original.get("file").is_none() {
        return;
    }
    for key in ["msgtype", "filename", "url", "file", "info", ALL_FILES] {
        if let Some(kept) = original.get(key) {
            content[key] = kept.clone();
        }
    }
    // What has no caption yet is called by its body.
    if content.get("filename").is_none() {
        content["filename"] = original["body"].clone();
    }
}

/// The content of a message event that shows a file.
fn event_content(settings: &Settings, (media_id, info): &(MediaId, MediaInfo)) -> Value {
    let name = info.filename.as_deref().unwrap_or("file");
    let is_picture = info.content_type.as_deref().is_some_and(|kind| kind.starts_with("image/"));
    json!({
        "msgtype": if is_picture { "m.image" } else { "m.file" },
        "body": name,
        "filename": name,
        "url": format!("mxc://{}/{media_id}", settings.server_name),
        "info": { "mimetype": info.content_type, "size": info.size_bytes },
    })
}

#[cfg(test)]
mod tests {
    use ruma::{event_id, server_name};

    use super::*;

    fn files(types: &[&str]) -> Files {
        let file = |(at, kind): (usize, &&str)| {
            let info = MediaInfo {
                content_type: Some((*kind).to_owned()),
                filename: Some(format!("file{at}")),
                size_bytes: 7,
                uploader: None,
                uploaded_at_ms: 0,
            };
            (MediaId::parse(&format!("id{at}")).unwrap(), info)
        };
        Files(types.iter().enumerate().map(file).collect())
    }

    #[test]
    fn a_text_becomes_a_caption() {
        let settings = Settings::new(server_name!("hearth").to_owned());
        let mut content = json!({ "msgtype": "m.text", "body": "look" });
        files(&[]).put_into(&settings, &mut content);
        assert_eq!(content["msgtype"], "m.text");
        files(&["image/png"]).put_into(&settings, &mut content);
        assert_eq!((&content["msgtype"], &content["body"]), (&json!("m.image"), &json!("look")));
        assert_eq!(content["url"], "mxc://hearth/id0");
        assert!(content.get(ALL_FILES).is_none());
        let mut silent = json!({ "msgtype": "m.text", "body": "" });
        files(&["application/pdf"]).put_into(&settings, &mut silent);
        assert_eq!((&silent["msgtype"], &silent["body"]), (&json!("m.file"), &json!("file0")));
    }

    #[test]
    fn further_files_follow_for_those_who_know_only_one() {
        let settings = Settings::new(server_name!("hearth").to_owned());
        let files = files(&["image/png", "application/pdf"]);
        let mut content = json!({ "body": "" });
        files.put_into(&settings, &mut content);
        assert_eq!(content[ALL_FILES][1]["url"], "mxc://hearth/id1");
        let further: Vec<_> = files.further(&settings, event_id!("$first")).collect();
        assert_eq!(further.len(), 1);
        assert_eq!(further[0]["m.relates_to"]["event_id"], "$first");
    }
}
