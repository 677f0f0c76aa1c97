//! Pushers that write letters: one about everything that was not read for a while.
//!
//! Only to an address that is the user's, at the time of writing too.

use std::{fmt::Write, time::Duration};

use hearth_accounts::StoredPusher;
use hearth_base::StreamPosition;
use hearth_mail::{EmailAddress, Letter, MailError, escape};
use hearth_rooms::Event;
use hearth_store::Snapshot;
use serde::Deserialize;

use crate::{
    PushError,
    couriers::{Couriers, Step},
    naming::naming,
    queue::{self, News, PusherName, QueueRow},
};

/// How many characters of a message a letter has.
const TEXT_CHARACTERS_MAX: usize = 500;

/// What a letter says of one event.
struct Line {
    room: String,
    sender: String,
    text: String,
}

#[derive(Default, Deserialize)]
struct Content {
    body: Option<String>,
    membership: Option<String>,
}

impl Couriers {
    /// Writes about everything that waits, once the oldest of it has waited long enough.
    pub(crate) async fn write(
        &self,
        snapshot: &dyn Snapshot,
        name: &PusherName,
        stored: &StoredPusher,
        waiting: &[(StreamPosition, QueueRow)],
    ) -> Result<Step, PushError> {
        let oldest_ms = waiting.first().map_or(0, |(_, row)| row.queued_ms);
        let delay_ms = u64::try_from(self.0.email_delay.as_millis()).unwrap_or(u64::MAX);
        let wait_ms = oldest_ms.saturating_add(delay_ms).saturating_sub(self.0.clock.now_ms());
        if wait_ms > 0 {
            return Ok(Step::Wait(Duration::from_millis(wait_ms)));
        }
        let address = &stored.pusher.ids.pushkey;
        if !self.0.owns_email(&name.0, address).await? {
            self.0.accounts.delete_pusher(&name.0, &stored.pusher.ids).await?;
            return Ok(Step::Went);
        }
        let lines = self.lines(snapshot, name, waiting).await?;
        if !lines.is_empty() && !self.hand_in(name, address, &lines).await {
            return Ok(Step::Failed);
        }
        let all = waiting.iter().map(|(position, _)| *position);
        queue::done(&self.0.store, name, all).await?;
        Ok(Step::Went)
    }

    async fn lines(
        &self,
        snapshot: &dyn Snapshot,
        name: &PusherName,
        waiting: &[(StreamPosition, QueueRow)],
    ) -> Result<Vec<Line>, PushError> {
        let mut lines = Vec::new();
        for (position, row) in waiting {
            if row.news == News::Read {
                continue;
            }
            let event = self.unread_event(snapshot, row, *position, &name.0).await?;
            if let Some(event) = event {
                let names = naming(&self.0.rooms, snapshot, &event, &name.0).await?;
                lines.push(Line {
                    room: names.room.unwrap_or_else(|| event.pdu().room_id().to_string()),
                    sender: names.sender.unwrap_or_else(|| event.pdu().sender().to_string()),
                    text: text(&event),
                });
            }
        }
        Ok(lines)
    }

    /// Hands a letter in; `false` if that has to be tried again.
    async fn hand_in(&self, name: &PusherName, address: &str, lines: &[Line]) -> bool {
        let (Some(mail), Ok(to)) = (&self.0.mail, address.parse::<EmailAddress>()) else {
            return true;
        };
        let subject = match lines {
            [line] => format!("{} wrote in {}", line.sender, line.room),
            lines => format!("{} messages for you", lines.len()),
        };
        let (plain, html) = (plain(lines), html(lines));
        let letter = Letter { to: &to, subject: &subject, plain: &plain, html: Some(&html) };
        match mail.send(letter).await {
            Ok(()) => true,
            Err(error @ MailError::Unavailable(_)) => {
                tracing::debug!(user = %name.0, %error, "a letter has to wait");
                false
            }
            Err(error) => {
                tracing::warn!(user = %name.0, %error, "a letter is given up");
                true
            }
        }
    }
}

/// What an event says, shortened.
fn text(event: &Event) -> String {
    let pdu = event.pdu();
    let content: Content = pdu.content_as().unwrap_or_default();
    match (pdu.type_name(), content) {
        ("m.room.encrypted", _) => "sent an encrypted message".to_owned(),
        ("m.room.member", Content { membership: Some(membership), .. })
            if membership == "invite" =>
        {
            "invites you".to_owned()
        }
        (_, Content { body: Some(body), .. }) => body.chars().take(TEXT_CHARACTERS_MAX).collect(),
        (kind, _) => format!("sent {kind}"),
    }
}

fn plain(lines: &[Line]) -> String {
    let mut plain = "You have not read this yet:\n".to_owned();
    for Line { room, sender, text } in lines {
        // Writing to a string does not fail.
        let _ = write!(plain, "\n{room}\n  {sender}: {text}\n");
    }
    plain
}

fn html(lines: &[Line]) -> String {
    let mut html = "<p>You have not read this yet:</p>".to_owned();
    for Line { room, sender, text } in lines {
        let (room, sender, text) = (escape(room), escape(sender), escape(text));
        let _ = write!(html, "<p><b>{room}</b><br>{sender}: {text}</p>");
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_stays_text() {
        let line = Line {
            room: "<b>".to_owned(),
            sender: "Tom & Jerry".to_owned(),
            text: "<script>".to_owned(),
        };
        let html = html(&[line]);
        assert!(html.contains("&lt;b&gt;") && html.contains("Tom &amp; Jerry"), "{html}");
        assert!(!html.contains("<script>"), "{html}");
    }
}
