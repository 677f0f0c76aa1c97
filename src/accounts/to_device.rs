//! To-device messages: a queue for each device, emptied as far as the device acknowledged.
//!
//! Deliberately absent: other servers' users, and devices that do not exist: messages to them are
//! dropped here.

use std::{collections::BTreeMap, time::Duration};

use hearth_base::{
    StreamPosition,
    limits::{IDENTIFIER_BYTES_MAX, TO_DEVICE_BYTES_MAX, TO_DEVICE_RECIPIENTS_MAX},
};
use hearth_store::{Batch, Direction, Fact, Snapshot};
use ruma::{
    DeviceId, OwnedDeviceId, OwnedUserId, TransactionId, UserId,
    events::{AnyToDeviceEvent, AnyToDeviceEventContent},
    serde::Raw,
    to_device::DeviceIdOrAllDevices,
};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    Accounts, AccountsError,
    expired_rows::Perishable,
    tables::{DEVICES, TO_DEVICE, TO_DEVICE_TRANSACTIONS},
};

/// Messages deleted by one batch.
const DELETED_IN_A_BATCH: usize = 1_000;
/// How long a repeated request is recognized.
const TRANSACTION_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToDeviceRow {
    pub(crate) sender: OwnedUserId,
    pub(crate) kind: String,
    /// JSON of the content.
    pub(crate) content: String,
}

/// One request to send messages.
#[derive(Clone, Copy, Debug)]
pub struct ToDeviceSend<'a> {
    /// Who sends.
    pub sender: &'a UserId,
    /// From which device: together with the transaction id it makes the request unique. Without
    /// one (application services) every request counts.
    pub device: Option<&'a DeviceId>,
    /// The transaction id of the client.
    pub transaction: &'a TransactionId,
    /// The type of the messages.
    pub kind: &'a str,
    /// The content for each user and device.
    pub messages:
        &'a BTreeMap<OwnedUserId, BTreeMap<DeviceIdOrAllDevices, Raw<AnyToDeviceEventContent>>>,
}

/// A message that waits for its device.
#[derive(Clone, Debug)]
pub struct ToDeviceMessage {
    /// Where it is in the stream: what to acknowledge.
    pub position: StreamPosition,
    /// The message as `/sync` delivers it: `sender`, `type` and `content`.
    pub event: Raw<AnyToDeviceEvent>,
}

impl Accounts {
    /// Puts messages into the queues of their devices; the same request again does nothing.
    ///
    /// # Errors
    /// [`AccountsError::TooLarge`] if a message is too large or there are too many recipients,
    /// [`AccountsError::Invalid`] if the type is not usable.
    pub async fn send_to_device(&self, send: ToDeviceSend<'_>) -> Result<(), AccountsError> {
        if send.kind.is_empty() || send.kind.len() > IDENTIFIER_BYTES_MAX {
            return Err(AccountsError::invalid("not a usable event type"));
        }
        let contents = send.messages.values().flat_map(BTreeMap::values);
        if contents.into_iter().any(|content| content.json().get().len() > TO_DEVICE_BYTES_MAX) {
            return Err(AccountsError::TooLarge("the to-device message"));
        }
        let transaction = send.transaction.as_str();
        if transaction.len() > IDENTIFIER_BYTES_MAX {
            return Err(AccountsError::invalid("the transaction id is too long"));
        }
        self.decide(|snapshot| async move {
            let snapshot = snapshot.as_ref();
            let mut batch = Batch::new();
            if let Some(device) = send.device {
                let key = (send.sender, device, transaction);
                if TO_DEVICE_TRANSACTIONS.get(snapshot, &key).await?.is_some() {
                    return Ok((batch, ()));
                }
                TO_DEVICE_TRANSACTIONS.insert(&mut batch, &key, &self.0.clock.now_ms())?;
                let (sender, device) = (send.sender.to_owned(), device.to_owned());
                let row = Perishable::ToDeviceTransaction(sender, device, transaction.to_owned());
                self.write_expiry(&mut batch, self.after(TRANSACTION_LIFETIME), &row)?;
            }
            for (user, device, content) in self.recipients(snapshot, &send).await? {
                let row = ToDeviceRow {
                    sender: send.sender.to_owned(),
                    kind: send.kind.to_owned(),
                    content: content.json().get().to_owned(),
                };
                let fact =
                    batch.fact(Fact::ToDevice { user: user.clone(), device: device.clone() });
                TO_DEVICE.put(&mut batch, &(user, device, fact), &row)?;
            }
            Ok((batch, ()))
        })
        .await
    }

    async fn recipients<'a>(
        &self,
        snapshot: &dyn Snapshot,
        send: &ToDeviceSend<'a>,
    ) -> Result<Vec<(OwnedUserId, OwnedDeviceId, &'a Raw<AnyToDeviceEventContent>)>, AccountsError>
    {
        let mut recipients = Vec::new();
        for (user, devices) in send.messages {
            if !self.is_local(user) {
                continue;
            }
            let known = DEVICES.scan_all(snapshot, &DEVICES.prefix(&(user,))).await?;
            for ((_, device), _) in known {
                let named = devices.get(&DeviceIdOrAllDevices::DeviceId(device.clone()));
                let content = named.or_else(|| devices.get(&DeviceIdOrAllDevices::AllDevices));
                let Some(content) = content else { continue };
                if recipients.len() == TO_DEVICE_RECIPIENTS_MAX {
                    return Err(AccountsError::TooLarge("the number of recipients"));
                }
                recipients.push((user.clone(), device, content));
            }
        }
        Ok(recipients)
    }

    /// Messages for a device after `since`, up to and including `upto`, oldest first, at most
    /// `limit`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn to_device_since(
        &self,
        user: &UserId,
        device: &DeviceId,
        since: StreamPosition,
        upto: StreamPosition,
        limit: usize,
    ) -> Result<Vec<ToDeviceMessage>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let range = TO_DEVICE.between(&(user, device, since.next()), &(user, device, upto.next()));
        let rows = TO_DEVICE.scan(snapshot.as_ref(), &range, Direction::Forward, limit).await?;
        rows.into_iter()
            .map(|((_, _, position), row)| Ok(ToDeviceMessage { position, event: event(row)? }))
            .collect()
    }

    /// Deletes the messages for a device up to and including `upto`: it has them.
    ///
    /// # Errors
    /// The store failed.
    pub async fn delete_to_device(
        &self,
        user: &UserId,
        device: &DeviceId,
        upto: StreamPosition,
    ) -> Result<(), AccountsError> {
        let range =
            TO_DEVICE.between(&(user, device, StreamPosition::MIN), &(user, device, upto.next()));
        let range = &range;
        loop {
            let deleted = self
                .decide(|snapshot| async move {
                    let limit = DELETED_IN_A_BATCH;
                    let snapshot = snapshot.as_ref();
                    let rows = TO_DEVICE.scan(snapshot, range, Direction::Forward, limit).await?;
                    let mut batch = Batch::new();
                    for (key, _) in &rows {
                        TO_DEVICE.delete(&mut batch, key);
                    }
                    Ok((batch, rows.len()))
                })
                .await?;
            if deleted < DELETED_IN_A_BATCH {
                return Ok(());
            }
        }
    }
}

#[derive(Serialize)]
struct Event<'a> {
    sender: &'a UserId,
    #[serde(rename = "type")]
    kind: &'a str,
    content: &'a RawValue,
}

fn event(row: ToDeviceRow) -> Result<Raw<AnyToDeviceEvent>, AccountsError> {
    let corrupt =
        |error| hearth_store::StoreError::corrupt(hearth_store::Keyspace::ToDevice, error);
    let content: &RawValue = serde_json::from_str(&row.content).map_err(corrupt)?;
    let event = Event { sender: &row.sender, kind: &row.kind, content };
    Ok(Raw::from_json(to_raw_value(&event).map_err(corrupt)?))
}

#[cfg(test)]
mod tests {
    use ruma::device_id;
    use serde_json::json;

    use super::*;
    use crate::testing::{Fixture, fixture};

    type Messages =
        BTreeMap<OwnedUserId, BTreeMap<DeviceIdOrAllDevices, Raw<AnyToDeviceEventContent>>>;

    fn messages(to: &UserId, device: &str, content: serde_json::Value) -> Messages {
        let device = DeviceIdOrAllDevices::try_from(device).unwrap();
        let content = Raw::new(&content).unwrap().cast_unchecked();
        BTreeMap::from([(to.to_owned(), BTreeMap::from([(device, content)]))])
    }

    async fn send(
        fixture: &Fixture,
        sender: &UserId,
        transaction: &str,
        messages: &Messages,
    ) -> Result<(), AccountsError> {
        let send = ToDeviceSend {
            sender,
            device: Some(device_id!("S")),
            transaction: transaction.into(),
            kind: "m.example",
            messages,
        };
        fixture.accounts.send_to_device(send).await
    }

    async fn waiting(fixture: &Fixture, user: &UserId, device: &str) -> Vec<ToDeviceMessage> {
        let (since, upto) = (StreamPosition::ZERO, StreamPosition::MAX);
        fixture.accounts.to_device_since(user, device.into(), since, upto, 100).await.unwrap()
    }

    #[tokio::test]
    async fn messages_wait_until_they_are_acknowledged() {
        let fixture = fixture();
        let alice = fixture.user_with_device("alice", device_id!("S")).await;
        let bob = fixture.user_with_device("bob", device_id!("B1")).await;
        fixture.session(&bob, "B2").await;
        let to_all = messages(&bob, "*", json!({ "n": 1 }));
        send(&fixture, &alice, "1", &to_all).await.unwrap();
        send(&fixture, &alice, "1", &to_all).await.unwrap();
        send(&fixture, &alice, "2", &messages(&bob, "B1", json!({ "n": 2 }))).await.unwrap();
        send(&fixture, &alice, "3", &messages(&bob, "B3", json!({}))).await.unwrap();
        let first = waiting(&fixture, &bob, "B1").await;
        assert_eq!(first.len(), 2);
        assert_eq!(waiting(&fixture, &bob, "B2").await.len(), 1);
        assert!(waiting(&fixture, &bob, "B3").await.is_empty());
        let event: serde_json::Value = first[0].event.deserialize_as_unchecked().unwrap();
        let expected = json!({ "sender": alice, "type": "m.example", "content": { "n": 1 } });
        assert_eq!(event, expected);

        let (accounts, device) = (&fixture.accounts, device_id!("B1"));
        accounts.delete_to_device(&bob, device, first[0].position).await.unwrap();
        let left = waiting(&fixture, &bob, "B1").await;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].position, first[1].position);
        let since = first[1].position;
        let later =
            accounts.to_device_since(&bob, device, since, StreamPosition::MAX, 10).await.unwrap();
        assert!(later.is_empty());
    }

    #[tokio::test]
    async fn a_deleted_device_has_no_queue() {
        let fixture = fixture();
        let alice = fixture.user_with_device("alice", device_id!("S")).await;
        send(&fixture, &alice, "1", &messages(&alice, "S", json!({}))).await.unwrap();
        fixture.accounts.delete_devices(&alice, &["S".into()]).await.unwrap();
        assert!(waiting(&fixture, &alice, "S").await.is_empty());
    }

    #[tokio::test]
    async fn transaction_ids_are_forgotten_after_a_while() {
        let fixture = fixture();
        let alice = fixture.user_with_device("alice", device_id!("S")).await;
        let message = messages(&alice, "S", json!({}));
        send(&fixture, &alice, "1", &message).await.unwrap();
        assert_eq!(fixture.accounts.delete_expired().await.unwrap(), 0);
        fixture.clock.advance(TRANSACTION_LIFETIME);
        assert_eq!(fixture.accounts.delete_expired().await.unwrap(), 1);
        assert_eq!(fixture.accounts.delete_expired().await.unwrap(), 0);
        send(&fixture, &alice, "1", &message).await.unwrap();
        assert_eq!(waiting(&fixture, &alice, "S").await.len(), 2);
    }

    #[tokio::test]
    async fn a_message_is_bounded() {
        let fixture = fixture();
        let alice = fixture.user_with_device("alice", device_id!("S")).await;
        let large = messages(&alice, "S", json!({ "x": "x".repeat(TO_DEVICE_BYTES_MAX) }));
        let refused = send(&fixture, &alice, "1", &large).await;
        assert!(matches!(refused, Err(AccountsError::TooLarge(_))));
    }
}
