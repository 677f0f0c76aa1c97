//! Application services: who they are, what is theirs, and as whom they may act.
//!
//! Registrations come with the settings and do not change while the server runs. Sending events
//! to the services is not done here.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use ruma::{
    DeviceId, OwnedUserId, RoomAliasId, RoomId, ServerName, UserId,
    api::appservice::{Namespace, Registration},
};
use subtle::ConstantTimeEq;

use crate::{Accounts, AccountsError, Authenticated, NewUser};

/// Largest compiled pattern of a namespace in bytes.
const PATTERN_BYTES_MAX: usize = 1024 * 1024;

/// A service with its namespaces ready to match.
#[derive(Clone, Debug)]
pub struct ApplicationService {
    /// What its administrator wrote.
    pub registration: Registration,
    /// The user that the service acts as if it names nobody.
    pub sender: OwnedUserId,
    users: Vec<Pattern>,
    aliases: Vec<Pattern>,
    rooms: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    exclusive: bool,
    regex: Regex,
}

impl ApplicationService {
    fn new(registration: &Registration, server: &ServerName) -> Result<Self, AccountsError> {
        let id = &registration.id;
        let sender = UserId::parse_with_server_name(registration.sender_localpart.as_str(), server)
            .map_err(|error| {
                AccountsError::invalid(format!("application service {id}: sender: {error}"))
            })?;
        if registration.as_token.is_empty() {
            return Err(AccountsError::invalid(format!("application service {id}: no as_token")));
        }
        let namespaces = &registration.namespaces;
        Ok(Self {
            sender,
            users: patterns(id, &namespaces.users)?,
            aliases: patterns(id, &namespaces.aliases)?,
            rooms: patterns(id, &namespaces.rooms)?,
            registration: registration.clone(),
        })
    }

    /// The service's unique id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.registration.id
    }

    /// Whether the service may make requests as this local user.
    #[must_use]
    pub fn may_act_as(&self, user: &UserId) -> bool {
        user.server_name() == self.sender.server_name()
            && (*user == self.sender || matches(&self.users, user.as_str()))
    }

    /// Whether the user is the service's own or in its namespace.
    #[must_use]
    pub fn is_interested_in_user(&self, user: &UserId) -> bool {
        *user == self.sender || matches(&self.users, user.as_str())
    }

    /// Whether the alias is in its namespace.
    #[must_use]
    pub fn is_interested_in_alias(&self, alias: &RoomAliasId) -> bool {
        matches(&self.aliases, alias.as_str())
    }

    /// Whether the room id is in its namespace.
    #[must_use]
    pub fn is_interested_in_room(&self, room: &RoomId) -> bool {
        matches(&self.rooms, room.as_str())
    }

    fn has_user_exclusively(&self, user: &UserId) -> bool {
        user.server_name() == self.sender.server_name()
            && (*user == self.sender || matches_exclusively(&self.users, user.as_str()))
    }
}

fn patterns(id: &str, namespaces: &[Namespace]) -> Result<Vec<Pattern>, AccountsError> {
    let pattern = |namespace: &Namespace| {
        let anchored = format!("^(?:{})$", namespace.regex);
        let regex = RegexBuilder::new(&anchored).size_limit(PATTERN_BYTES_MAX).build();
        let regex = regex.map_err(|error| {
            AccountsError::invalid(format!("application service {id}: namespace: {error}"))
        })?;
        Ok(Pattern { exclusive: namespace.exclusive, regex })
    };
    namespaces.iter().map(pattern).collect()
}

fn matches(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.regex.is_match(text))
}

fn matches_exclusively(patterns: &[Pattern], text: &str) -> bool {
    patterns.iter().any(|pattern| pattern.exclusive && pattern.regex.is_match(text))
}

/// All services of this server.
pub(crate) struct ApplicationServices(Vec<Arc<ApplicationService>>);

impl ApplicationServices {
    pub(crate) fn new(
        registrations: &[Registration],
        server: &ServerName,
    ) -> Result<Self, AccountsError> {
        let mut services: Vec<Arc<ApplicationService>> = Vec::new();
        for registration in registrations {
            let service = ApplicationService::new(registration, server)?;
            let same = |other: &Arc<ApplicationService>| {
                other.id() == service.id() || other.registration.as_token == registration.as_token
            };
            if services.iter().any(same) {
                let id = service.id();
                let reason = format!("application service {id}: its id or token is taken");
                return Err(AccountsError::Invalid(reason));
            }
            services.push(Arc::new(service));
        }
        Ok(Self(services))
    }

    pub(crate) fn exclusive_owner_of_user(&self, user: &UserId) -> Option<&str> {
        let owner = self.0.iter().find(|service| service.has_user_exclusively(user));
        owner.map(|service| service.id())
    }
}

impl Accounts {
    /// All application services.
    #[must_use]
    pub fn application_services(&self) -> &[Arc<ApplicationService>] {
        &self.0.application_services.0
    }

    /// The application service with this `as_token`.
    #[must_use]
    pub fn application_service(&self, token: &str) -> Option<&Arc<ApplicationService>> {
        let equal = |service: &ApplicationService| {
            bool::from(service.registration.as_token.as_bytes().ct_eq(token.as_bytes()))
        };
        // Every token is compared, so that the time does not tell which one is close.
        let services = self.application_services().iter();
        services.fold(None, |found, service| if equal(service) { Some(service) } else { found })
    }

    /// The id of the application service that has the alias for itself.
    #[must_use]
    pub fn exclusive_owner_of_alias(&self, alias: &RoomAliasId) -> Option<&str> {
        let has = |service: &&Arc<ApplicationService>| {
            matches_exclusively(&service.aliases, alias.as_str())
        };
        self.application_services().iter().find(has).map(|service| service.id())
    }

    /// Who a request of an application service comes from: its sender, which is created when
    /// needed, or the user and device that the request names (identity assertion).
    ///
    /// # Errors
    /// [`AccountsError::Forbidden`] if the user is not the service's or does not exist, or if the
    /// user has no such device.
    pub async fn authenticate_application_service(
        &self,
        service: &ApplicationService,
        user: Option<&UserId>,
        device: Option<&DeviceId>,
    ) -> Result<Authenticated, AccountsError> {
        let user = user.unwrap_or(&service.sender);
        if !service.may_act_as(user) {
            return Err(AccountsError::forbidden("the user is not the application service's"));
        }
        let row = match self.user(user).await? {
            Some(row) => row,
            None if *user == service.sender => self.create_sender(service).await?,
            None => return Err(AccountsError::forbidden("the user is not registered")),
        };
        if row.is_deactivated {
            return Err(AccountsError::forbidden("the user is deactivated"));
        }
        if let Some(device) = device
            && self.device(user, device).await?.is_none()
        {
            return Err(AccountsError::forbidden("the user has no such device"));
        }
        Ok(Authenticated {
            user: user.to_owned(),
            device: device.map(ToOwned::to_owned),
            is_guest: row.is_guest,
            is_admin: row.is_admin,
            is_locked: row.is_locked,
            is_suspended: row.is_suspended,
            application_service: Some(service.id().to_owned()),
            expires_ms: None,
        })
    }

    async fn create_sender(
        &self,
        service: &ApplicationService,
    ) -> Result<crate::User, AccountsError> {
        let new = NewUser { application_service: Some(service.id()), ..NewUser::default() };
        match self.create_user(&service.sender, new).await {
            Ok(()) | Err(AccountsError::UserInUse) => {}
            Err(error) => return Err(error),
        }
        let row = self.user(&service.sender).await?;
        row.ok_or(AccountsError::NotFound("user"))
    }
}

#[cfg(test)]
mod tests {
    use ruma::{
        api::appservice::{Namespaces, RegistrationInit},
        room_alias_id, user_id,
    };

    use super::*;
    use crate::testing::{Fixture, fixture_with, settings};

    fn bridge() -> Registration {
        let mut namespaces = Namespaces::new();
        namespaces.users = vec![
            Namespace::new(true, "@bridge_.*:example\\.org".to_owned()),
            Namespace::new(false, "@shared_.*".to_owned()),
        ];
        namespaces.aliases = vec![Namespace::new(true, "#bridge_.*".to_owned())];
        RegistrationInit {
            id: "bridge".to_owned(),
            url: None,
            as_token: "as".to_owned(),
            hs_token: "hs".to_owned(),
            sender_localpart: "bridgebot".to_owned(),
            namespaces,
            rate_limited: None,
            protocols: None,
        }
        .into()
    }

    fn fixture() -> Fixture {
        fixture_with(crate::Settings { application_services: vec![bridge()], ..settings() })
    }

    #[tokio::test]
    async fn a_service_acts_as_its_sender_and_its_users_only() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        assert!(accounts.application_service("wrong").is_none());
        let service = Arc::clone(accounts.application_service("as").unwrap());
        let act = |user| accounts.authenticate_application_service(&service, user, None);
        let sender = act(None).await.unwrap();
        assert_eq!(sender.user, "@bridgebot:example.org");
        assert_eq!(sender.application_service.as_deref(), Some("bridge"));
        let ghost = user_id!("@bridge_x:example.org");
        assert!(act(Some(ghost)).await.is_err(), "not registered yet");
        let new = NewUser { application_service: Some("bridge"), ..NewUser::default() };
        accounts.create_user(ghost, new).await.unwrap();
        assert_eq!(act(Some(ghost)).await.unwrap().user, ghost);
        let alice = fixture.user("alice").await;
        assert!(matches!(act(Some(&alice)).await, Err(AccountsError::Forbidden(_))));
        assert!(!service.may_act_as(user_id!("@shared_x:elsewhere.org")));
    }

    #[tokio::test]
    async fn exclusive_names_are_refused_to_others() {
        let accounts = fixture().accounts;
        for user in ["@bridge_y:example.org", "@bridgebot:example.org"] {
            let user = UserId::parse(user).unwrap();
            let refused = accounts.create_user(&user, NewUser::default()).await;
            assert!(matches!(refused, Err(AccountsError::Exclusive)), "{user}");
        }
        let shared = user_id!("@shared_y:example.org");
        accounts.create_user(shared, NewUser::default()).await.unwrap();
        let owner = accounts.exclusive_owner_of_alias(room_alias_id!("#bridge_z:example.org"));
        assert_eq!(owner, Some("bridge"));
        assert!(accounts.exclusive_owner_of_alias(room_alias_id!("#x:example.org")).is_none());
    }

    #[test]
    fn a_broken_registration_is_refused() {
        let server = ruma::server_name!("example.org");
        let mut broken = bridge();
        broken.namespaces.users = vec![Namespace::new(true, "(".to_owned())];
        assert!(ApplicationServices::new(&[broken], server).is_err());
        assert!(ApplicationServices::new(&[bridge(), bridge()], server).is_err());
    }
}
