//! The configuration file that a story gives its server.

use std::{collections::BTreeMap, fmt::Write, path::Path};

/// The server name of every story that does not choose another.
pub const SERVER_NAME: &str = "hearth.test";

/// The shared secret at the admin register endpoint.
pub const SHARED_SECRET: &str = "a secret shared by the stories";

/// Settings by dotted key; values are TOML literals.
#[derive(Clone, Debug)]
pub struct Settings {
    values: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { values: BTreeMap::new() }
            .text("server_name", SERVER_NAME)
            .text("registration.mode", "open")
            .text("registration.shared_secret", SHARED_SECRET)
            .literal("rate_limit.enabled", "false")
    }
}

impl Settings {
    /// Sets `key` to a string.
    #[must_use]
    pub fn text(self, key: &str, value: &str) -> Self {
        let quoted = serde_json::to_string(value).unwrap();
        self.literal(key, &quoted)
    }

    /// Sets `key` to anything else that TOML can write: a number, a boolean, a list.
    #[must_use]
    pub fn literal(mut self, key: &str, literal: &str) -> Self {
        self.values.insert(key.to_owned(), literal.to_owned());
        self
    }

    /// The file: one `key = literal` a line, with the data directory and the address added.
    pub(crate) fn render(&self, data_dir: &Path, address: &str) -> String {
        let whole = self
            .clone()
            .text("data_dir", data_dir.to_str().unwrap())
            .text("listen.client", address);
        let mut file = String::new();
        for (key, literal) in &whole.values {
            writeln!(file, "{key} = {literal}").unwrap();
        }
        file
    }
}
