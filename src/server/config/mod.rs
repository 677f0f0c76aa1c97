//! The server's settings: what they are, where they come from, and what is wrong with them.
//!
//! `config.example.toml` is the one description of every setting: it is compiled in, its values
//! are the defaults, and its keys are the only ones known. So it cannot go stale, and
//! [`Settings`] repeats neither a default nor a description.
//!
//! Deliberately absent: reloading. Settings are read once, at the start.

mod error;
mod layers;
mod settings;
mod values;

use std::path::{Path, PathBuf};

pub use error::{ConfigError, Origin};
pub use settings::*;
pub use values::{Network, Rate};

use layers::Layers;

/// The example file: every setting with its default.
pub const EXAMPLE: &str = include_str!("../../../config.example.toml");

/// What the command line says about settings.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SettingsArguments {
    /// Read settings from this TOML file
    #[arg(long, value_name = "FILE", env = "HEARTH_CONFIG")]
    pub config: Option<PathBuf>,
    /// Name of the server, as in @user:NAME
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
    /// Directory of the store, the media and the keys
    #[arg(long, value_name = "DIRECTORY")]
    pub data_dir: Option<String>,
    /// Address and port of the client-server API
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

/// The settings of this process: defaults, then the file, then `environment`, then flags.
///
/// # Errors
/// The first setting that is unknown, missing or bad, with the place that it was read from.
pub fn load(
    arguments: &SettingsArguments,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Settings, ConfigError> {
    let mut layers = Layers::defaults()?;
    if let Some(file) = &arguments.config {
        layers.add_file(file, &read(file)?)?;
    }
    layers.add_environment(environment)?;
    let flags = [
        ("--server-name", "server_name", &arguments.server_name),
        ("--data-dir", "data_dir", &arguments.data_dir),
        ("--listen", "listen.client", &arguments.listen),
    ];
    for (flag, key, value) in flags {
        if let Some(value) = value {
            layers.add_flag(flag, key, value)?;
        }
    }
    layers.into_settings()
}

fn read(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file)
        .map_err(|source| ConfigError::Unreadable { file: file.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments() -> SettingsArguments {
        SettingsArguments { server_name: Some("example.org".to_owned()), ..Default::default() }
    }

    fn variable(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    fn message(environment: Vec<(String, String)>) -> String {
        load(&arguments(), environment).unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_need_only_a_server_name() {
        let settings = load(&arguments(), []).unwrap();
        assert_eq!(settings.server_name, "example.org");
        assert_eq!(settings.listen.client.to_string(), "127.0.0.1:8008");
        assert!(settings.listen.federation.is_none() && settings.listen.metrics.is_none());
        assert!(settings.listen.trusted_proxies.is_empty());
        assert_eq!(settings.registration.mode, RegistrationMode::Closed);
        assert!(settings.registration.shared_secret.is_none());
        assert_eq!(settings.rooms.default_version.as_str(), "12");
        assert!(settings.rate_limit.enabled && !settings.testing.allow_private_addresses);
        assert_eq!(settings.media.max_upload_bytes, 50 * 1024 * 1024);

        let error = load(&SettingsArguments::default(), []).unwrap_err();
        assert!(matches!(error, ConfigError::NoServerName), "{error}");
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let told = message(variable("HEARTH_REGISTRATION__REQUIRE_EMAIL", "true"));
        assert!(told.contains("registration.require_email"), "{told}");
        assert!(told.contains("mail.server"), "{told}");
    }

    #[test]
    fn later_layers_win() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("hearth.toml");
        let text = "server_name = \"file\"\ndata_dir = \"file\"\n[log]\nlevel = \"warn\"\n";
        std::fs::write(&file, text).unwrap();
        let environment = [("HEARTH_SERVER_NAME", "environment"), ("HEARTH_DATA_DIR", "/env")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let arguments = SettingsArguments { config: Some(file), ..arguments() };
        let settings = load(&arguments, environment).unwrap();
        assert_eq!(settings.server_name, "example.org");
        assert_eq!(settings.data_dir, Path::new("/env"));
        assert_eq!(settings.log.level, "warn");
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        assert_eq!(
            message(variable("HEARTH_REGISTRATON__MODE", "open")),
            "environment variable HEARTH_REGISTRATON__MODE: there is no setting \
             `registraton.mode`; did you mean `registration.mode`?"
        );
    }

    /// Variable without prefix, bad value, key and a part of the reason.
    const BAD: &[[&str; 4]] = &[
        ["LISTEN__CLIENT", "here", "listen.client", "invalid socket address syntax"],
        ["LISTEN__TRUSTED_PROXIES", "[\"10.0.0.0/40\"]", "listen.trusted_proxies", "network"],
        ["LISTEN__FEDERATION__ADDRESS", "[::]:1", "listen.federation", "missing field"],
        ["WELL_KNOWN__CLIENT_BASE_URL", "ftp://x", "well_known.client_base_url", "http"],
        ["REGISTRATION__MODE", "ajar", "registration.mode", "unknown variant `ajar`"],
        ["REGISTRATION__SHARED_SECRET", "", "registration.shared_secret", "empty"],
        ["RATE_LIMIT__MESSAGES__BURST", "0", "rate_limit.messages", "at least 1"],
        ["MEDIA__MAX_UPLOAD_BYTES", "big", "media.max_upload_bytes", "an integer"],
        ["ROOMS__DEFAULT_VERSION", "3", "rooms.default_version", "6 to 12"],
        ["CHAT__BASE_PATH", "api/", "chat.base_path", "a path such as"],
        ["LOG__LEVEL", "info=loud", "log.level", "level filter"],
    ];

    #[test]
    fn a_bad_value_names_place_key_and_reason() {
        for [name, value, key, reason] in BAD {
            let message = message(variable(&format!("HEARTH_{name}"), value));
            let place = format!("environment variable HEARTH_{name}: {key}: ");
            assert!(message.starts_with(&place) && message.contains(reason), "{message}");
        }
        let flag = SettingsArguments { listen: Some("x".to_owned()), ..arguments() };
        let message = load(&flag, []).unwrap_err().to_string();
        assert!(message.starts_with("flag --listen: listen.client: "), "{message}");
    }

    #[test]
    fn a_secret_is_never_in_a_message() {
        let message = message(variable("HEARTH_REGISTRATION__TOKENS", "[\"a\", 424242]"));
        assert!(message.contains("registration.tokens") && !message.contains("424242"));
        let settings = load(&arguments(), variable("HEARTH_REGISTRATION__SHARED_SECRET", "77"));
        let settings = settings.unwrap();
        assert_eq!(settings.registration.shared_secret.as_ref().unwrap().expose(), "77");
        assert!(!format!("{settings:?}").contains("\"77\""));
    }
}
