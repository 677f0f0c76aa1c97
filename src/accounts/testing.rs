//! What the tests of this crate share.

use hearth_base::{Clock, Random};
use hearth_store::{MemoryEngine, Store};
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, server_name};

use crate::{Accounts, NewSession, NewUser, PasswordCost, Session, Settings};

pub(crate) struct Fixture {
    pub(crate) accounts: Accounts,
    pub(crate) clock: Clock,
}

pub(crate) fn settings() -> Settings {
    Settings {
        password_cost: PasswordCost { memory_kib: 64, iterations: 1 },
        ..Settings::new(server_name!("example.org").to_owned())
    }
}

pub(crate) fn fixture() -> Fixture {
    fixture_with(settings())
}

pub(crate) fn fixture_with(settings: Settings) -> Fixture {
    let clock = Clock::manual(1_700_000_000_000);
    let store = Store::new(MemoryEngine::new());
    let accounts = Accounts::new(store, clock.clone(), Random::seeded(7), settings).unwrap();
    Fixture { accounts, clock }
}

impl Fixture {
    pub(crate) async fn user(&self, localpart: &str) -> OwnedUserId {
        let user = self.accounts.new_user_id(localpart).unwrap();
        let new = NewUser { password: Some("secret"), ..NewUser::default() };
        self.accounts.create_user(&user, new).await.unwrap();
        user
    }

    pub(crate) async fn session(&self, user: &OwnedUserId, device: &str) -> Session {
        let device: OwnedDeviceId = device.into();
        let new = NewSession { device: Some(&device), ..NewSession::new(user) };
        self.accounts.open_session(new).await.unwrap()
    }

    /// A user with one device.
    pub(crate) async fn user_with_device(
        &self,
        localpart: &str,
        device: &DeviceId,
    ) -> OwnedUserId {
        let user = self.user(localpart).await;
        self.session(&user, device.as_str()).await;
        user
    }
}
