//! Whom an event notifies, and why.
//!
//! An event names its candidates itself: whom it mentions, whom it answers, whom it invites, and
//! the other one of a direct room. Whether they want to hear of it is for their push rules to say,
//! as with pushes: so a muted room is silent here too, and one of mentions only tells of those.

use std::collections::BTreeMap;

use hearth_rooms::{Event, Room, Snapshot};
use hearth_rules::{PowerLevels, PushEvent, PushMember, PushRoom, PushRules};
use ruma::{
    EventId, OwnedEventId, OwnedUserId, UserId, events::room::member::MembershipState,
    power_levels::NotificationPowerLevelsKey,
};
use serde::Deserialize;

use crate::{
    Chat, ChatError, NotificationKind,
    limits::{MENTIONS_MAX, NOTIFIED_MAX},
};

/// Why somebody may be notified, by who.
type Candidates = BTreeMap<OwnedUserId, NotificationKind>;

/// The types of events that somebody says something by.
const SPOKEN: [&str; 3] = ["m.room.message", "m.room.encrypted", "m.sticker"];

#[derive(Deserialize)]
struct MemberContent {
    membership: MembershipState,
}

/// What notifies of a message.
#[derive(Default, Deserialize)]
struct Content {
    #[serde(default)]
    body: Option<String>,
    #[serde(rename = "m.mentions", default)]
    mentions: Option<Mentions>,
    #[serde(rename = "m.relates_to", default)]
    relates_to: Option<RelatesTo>,
}

#[derive(Default, Deserialize)]
struct Mentions {
    #[serde(default)]
    user_ids: Vec<OwnedUserId>,
    #[serde(default)]
    room: bool,
}

#[derive(Deserialize)]
struct RelatesTo {
    #[serde(default)]
    rel_type: Option<String>,
    #[serde(default)]
    event_id: Option<OwnedEventId>,
    #[serde(default)]
    is_falling_back: bool,
    #[serde(rename = "m.in_reply_to", default)]
    in_reply_to: Option<InReplyTo>,
}

#[derive(Deserialize)]
struct InReplyTo {
    event_id: OwnedEventId,
}

impl RelatesTo {
    /// What the message answers: a message, or the beginning of the thread that it goes on.
    fn answered(&self) -> Option<&EventId> {
        match (&self.in_reply_to, self.rel_type.as_deref()) {
            (Some(reply), _) if !self.is_falling_back => Some(&reply.event_id),
            (_, Some("m.thread")) => self.event_id.as_deref(),
            _ => None,
        }
    }
}

impl Chat {
    /// The users of this server whom an event notifies.
    pub(crate) async fn notified(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        event: &Event,
    ) -> Result<Vec<(OwnedUserId, NotificationKind)>, ChatError> {
        let pdu = event.pdu();
        let levels = self.rooms().power_levels_in(snapshot, room, event.state_before()).await;
        let levels = levels.ok();
        let mut candidates = match pdu.type_name() {
            "m.room.member" => invited(event),
            kind if SPOKEN.contains(&kind) && !pdu.is_state() => {
                self.addressed(snapshot, room, event, levels.as_ref()).await?
            }
            _ => Candidates::new(),
        };
        candidates
            .retain(|user_id, _| user_id != pdu.sender() && self.accounts().is_local(user_id));
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        self.willing(snapshot, room, event, levels.as_ref(), candidates).await
    }

    /// Whom a message is meant for in particular.
    async fn addressed(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        event: &Event,
        levels: Option<&PowerLevels>,
    ) -> Result<Candidates, ChatError> {
        let (pdu, mut found) = (event.pdu(), Candidates::new());
        let content: Content = pdu.content_as().unwrap_or_default();
        let relates_to = content.relates_to.as_ref();
        if relates_to.is_some_and(|relates| relates.rel_type.as_deref() == Some("m.replace")) {
            return Ok(found);
        }
        // Who is answered is mentioned by many clients as well: that is a reply still.
        if let Some(answered) = relates_to.and_then(RelatesTo::answered)
            && let Some(answered) = self.rooms().event_by_id(snapshot, answered).await?
            && answered.room() == room.nid()
        {
            found.insert(answered.pdu().sender().to_owned(), NotificationKind::Reply);
        }
        let mentioned = match &content.mentions {
            Some(mentions) => mentions.user_ids.iter().take(MENTIONS_MAX).cloned().collect(),
            None => self.named(content.body.as_deref().unwrap_or_default()),
        };
        for user_id in mentioned {
            found.entry(user_id).or_insert(NotificationKind::Mention);
        }
        let key = NotificationPowerLevelsKey::Room;
        let may_call_all = levels.is_some_and(|levels| levels.may_notify(pdu.sender(), &key));
        if may_call_all && content.mentions.is_some_and(|mentions| mentions.room) {
            for (user_id, _) in self.rooms().members(snapshot, room.nid()).await? {
                found.entry(user_id).or_insert(NotificationKind::Mention);
            }
        }
        if let Some(other) = self.other_of_direct(snapshot, room, pdu.sender()).await? {
            found.entry(other).or_insert(NotificationKind::DirectMessage);
        }
        Ok(found)
    }

    /// The users that a text names as `@name`: for messages of clients that do not say.
    fn named(&self, body: &str) -> Vec<OwnedUserId> {
        let words = body.split_whitespace().filter(|word| word.starts_with('@'));
        let user = |word: &str| {
            let name = word.trim_end_matches(|end: char| ",.;:!?)'\"".contains(end));
            match name.contains(':') {
                true => UserId::parse(name).ok(),
                false => UserId::parse(format!("{name}:{}", self.accounts().server_name())).ok(),
            }
        };
        words.take(MENTIONS_MAX).filter_map(user).collect()
    }

    /// The other one of a room of two that is a direct chat to them.
    async fn other_of_direct(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        sender: &UserId,
    ) -> Result<Option<OwnedUserId>, ChatError> {
        let head = self.rooms().head(snapshot, room.nid()).await?;
        if head.joined_members > 2 {
            return Ok(None);
        }
        let others = self.rooms().heroes(snapshot, room.nid(), sender, 2).await?;
        let [other] = others.as_slice() else {
            return Ok(None);
        };
        let direct = self.accounts().account_data(other, None, "m.direct").await?;
        let direct = direct.and_then(|content| {
            serde_json::from_str::<BTreeMap<String, Vec<String>>>(content.get()).ok()
        });
        let is_direct = direct.is_some_and(|direct| {
            direct.values().flatten().any(|room_id| room_id == room.id().as_str())
        });
        Ok(is_direct.then(|| other.clone()))
    }

    /// Those of the candidates who are there and want to hear of it.
    async fn willing(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        event: &Event,
        levels: Option<&PowerLevels>,
        candidates: Candidates,
    ) -> Result<Vec<(OwnedUserId, NotificationKind)>, ChatError> {
        let users: Vec<_> =
            candidates.keys().take(NOTIFIED_MAX).map(|user_id| &**user_id).collect();
        let accounts = self.accounts().push_accounts(snapshot, &users).await?;
        let member_count = self.rooms().head(snapshot, room.nid()).await?.joined_members;
        let push_event = PushEvent::new(event.pdu());
        let mut willing = Vec::new();
        for (user_id, account) in users.iter().zip(accounts) {
            let Some(kind) = candidates.get(*user_id) else {
                continue;
            };
            if !account.is_reachable || account.ignored.contains(event.pdu().sender()) {
                continue;
            }
            let needed = match kind {
                NotificationKind::RoomInvite => MembershipState::Invite,
                _ => MembershipState::Join,
            };
            let member = self.rooms().member(snapshot, room.nid(), user_id).await?;
            let Some(member) = member.filter(|member| member.state == needed) else {
                continue;
            };
            let rules = PushRules::new(user_id, &account.rules);
            let name = member.display_name.as_deref().or(Some(user_id.localpart()));
            let asked = PushMember { user_id, display_name: name, subscribed: None };
            if rules.evaluate(&push_event, PushRoom { member_count, levels }, asked).is_some() {
                willing.push(((*user_id).to_owned(), *kind));
            }
        }
        Ok(willing)
    }
}

/// Whom an event invites.
fn invited(event: &Event) -> Candidates {
    let pdu = event.pdu();
    let content: Option<MemberContent> = pdu.content_as();
    let user_id = pdu.state_key().and_then(|key| UserId::parse(key).ok());
    match (content, user_id) {
        (Some(MemberContent { membership: MembershipState::Invite }), Some(user_id)) => {
            Candidates::from([(user_id, NotificationKind::RoomInvite)])
        }
        _ => Candidates::new(),
    }
}
