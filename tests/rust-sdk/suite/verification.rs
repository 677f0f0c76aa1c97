//! A new device is verified by comparing emoji with an old one.

use anyhow::{Context, Result};
use hearth_rust_sdk::{Person, until};
use matrix_sdk::{
    encryption::{
        VerificationState,
        verification::{SasVerification, VerificationRequest, VerificationRequestState},
    },
    ruma::events::key::verification::request::ToDeviceKeyVerificationRequestEvent,
};

use crate::unique;

/// The comparison that a request turned into.
async fn comparison(request: &VerificationRequest) -> Result<SasVerification> {
    until("the comparison to begin", || async {
        match request.state() {
            VerificationRequestState::Transitioned { verification } => verification.sas(),
            _ => None,
        }
    })
    .await
}

async fn ready(sas: &SasVerification) -> Result<Vec<&'static str>> {
    until("the emoji", || async {
        let emoji = sas.emoji()?;
        Some(emoji.iter().map(|emoji| emoji.symbol).collect())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_see_the_same_emoji_and_trust_each_other() -> Result<()> {
    let laptop = Person::register(&unique("alice")).await?;
    let incoming = std::sync::Arc::new(std::sync::Mutex::new(None));
    let seen = incoming.clone();
    laptop.client.add_event_handler(move |event: ToDeviceKeyVerificationRequestEvent| async move {
        *seen.lock().expect("a lock") = Some(event.content.transaction_id.to_string());
    });
    let phone = laptop.another_device().await?;
    let user_id = laptop.user_id();
    let unverified = phone.client.encryption().verification_state().get();
    assert_ne!(unverified, VerificationState::Verified);
    let identity = until("the identity", || async {
        phone.client.encryption().get_user_identity(user_id).await.ok().flatten()
    })
    .await?;
    // A request from a device that is not known is ignored.
    let new_device = phone.client.device_id().context("a device")?;
    until("the laptop to hear of the phone", || async {
        laptop.client.encryption().get_device(user_id, new_device).await.ok().flatten()
    })
    .await?;
    let asking = identity.request_verification().await.context("request")?;
    let asked = until("the request", || async {
        let flow = incoming.lock().expect("a lock").clone()?;
        laptop.client.encryption().get_verification_request(user_id, flow).await
    })
    .await?;
    asked.accept().await?;
    until("the answer", || async { asking.is_ready().then_some(()) }).await?;
    let on_phone = asking.start_sas().await?.context("a comparison")?;
    let on_laptop = comparison(&asked).await?;
    on_laptop.accept().await?;
    assert_eq!(ready(&on_phone).await?, ready(&on_laptop).await?);
    on_phone.confirm().await?;
    on_laptop.confirm().await?;
    until("both to be done", || async {
        (on_phone.is_done() && on_laptop.is_done()).then_some(())
    })
    .await?;
    until("the phone to be verified", || async {
        let state = phone.client.encryption().verification_state().get();
        (state == VerificationState::Verified).then_some(())
    })
    .await
}
