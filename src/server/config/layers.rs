//! Settings from several places, laid over each other key by key.
//!
//! Invariant: every key in `values` is known, has the type that the example file shows, and has
//! an entry in `origins`; so each error can name its place.

use std::{collections::BTreeMap, path::Path};

use toml::{Table, Value};

use super::{ConfigError, EXAMPLE, Origin, Settings};

/// What starts the name of an environment variable that is a setting.
const VARIABLE_PREFIX: &str = "HEARTH_";
/// Variables with that prefix which are not settings: of the command line, `./dev` and the tests.
const NOT_SETTINGS: [&str; 3] = ["HEARTH_CONFIG", "HEARTH_CACHE_DIR", "HEARTH_BIN"];
/// Variables of the test suites, which start servers.
const TEST_PREFIX: &str = "HEARTH_TEST_";

/// The settings read so far.
pub(super) struct Layers {
    /// Every known key, dotted, with a value of its type.
    known: BTreeMap<String, Value>,
    values: BTreeMap<String, (Value, Origin)>,
}

impl Layers {
    /// The defaults alone.
    pub(super) fn defaults() -> Result<Self, ConfigError> {
        let known = flatten(&parse(&with_unset_settings(EXAMPLE), &Origin::Defaults)?);
        let mut layers = Self { known, values: BTreeMap::new() };
        layers.add_table(&parse(EXAMPLE, &Origin::Defaults)?, &Origin::Defaults)?;
        Ok(layers)
    }

    /// Lays a configuration file over what is there.
    pub(super) fn add_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let origin = Origin::File(path.to_owned());
        self.add_table(&parse(text, &origin)?, &origin)
    }

    /// Lays the variables that are settings over what is there.
    pub(super) fn add_environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        for (name, text) in variables {
            let Some(path) = name.strip_prefix(VARIABLE_PREFIX) else {
                continue;
            };
            if NOT_SETTINGS.contains(&name.as_str()) || name.starts_with(TEST_PREFIX) {
                continue;
            }
            let key = path.to_ascii_lowercase().replace("__", ".");
            self.add_text(&key, &text, Origin::Variable(name))?;
        }
        Ok(())
    }

    /// Lays one flag over what is there.
    pub(super) fn add_flag(
        &mut self,
        flag: &'static str,
        key: &str,
        text: &str,
    ) -> Result<(), ConfigError> {
        self.add_text(key, text, Origin::Flag(flag))
    }

    /// The settings, checked.
    pub(super) fn into_settings(self) -> Result<Settings, ConfigError> {
        if !self.values.contains_key("server_name") {
            return Err(ConfigError::NoServerName);
        }
        let bad_value = |key: &str, reason: &str| {
            let (origin, key, reason) = (self.origin_of(key), key.to_owned(), reason.to_owned());
            ConfigError::BadValue { origin, key, reason }
        };
        let nested = Value::Table(self.nested());
        let settings: Settings = serde_path_to_error::deserialize(nested).map_err(|error| {
            let path = error.path().to_string();
            bad_value(path.split('[').next().unwrap_or_default(), error.inner().message())
        })?;
        // What is right by itself, but not together.
        if settings.registration.require_email && settings.mail.server.is_none() {
            let reason = "nobody can prove an address without a `mail.server`";
            return Err(bad_value("registration.require_email", reason));
        }
        Ok(settings)
    }

    fn add_table(&mut self, table: &Table, origin: &Origin) -> Result<(), ConfigError> {
        for (key, value) in flatten(table) {
            if matches!(&value, Value::Table(empty) if empty.is_empty()) && self.is_section(&key) {
                continue;
            }
            self.add(key, value, origin.clone())?;
        }
        Ok(())
    }

    /// A value as the environment and the command line give it: text stays text, everything
    /// else is written as in TOML.
    fn add_text(&mut self, key: &str, text: &str, origin: Origin) -> Result<(), ConfigError> {
        let value = match self.known.get(key) {
            Some(Value::String(_)) | None => Value::String(text.to_owned()),
            Some(_) => text.parse().unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        self.add(key.to_owned(), value, origin)
    }

    fn add(&mut self, key: String, value: Value, origin: Origin) -> Result<(), ConfigError> {
        let Some(example) = self.known.get(&key) else {
            let nearest = self.nearest(&key);
            return Err(ConfigError::UnknownKey { origin, key, nearest });
        };
        match mismatch(example, &value) {
            Some(reason) => Err(ConfigError::BadValue { origin, key, reason }),
            None => {
                self.values.insert(key, (value, origin));
                Ok(())
            }
        }
    }

    fn is_section(&self, key: &str) -> bool {
        let prefix = format!("{key}.");
        self.known.keys().any(|known| known.starts_with(&prefix))
    }

    fn nearest(&self, key: &str) -> String {
        let known = self.known.keys();
        known
            .min_by_key(|known| strsim::damerau_levenshtein(known, key))
            .cloned()
            .unwrap_or_default()
    }

    /// The origin of a setting, or of the latest setting of a section.
    fn origin_of(&self, key: &str) -> Origin {
        let prefix = format!("{key}.");
        let inside = |known: &str| known == key || known.starts_with(&prefix);
        let origins = self.values.iter().filter(|(known, _)| inside(known)).map(|(_, (_, o))| o);
        origins.max_by_key(|origin| rank(origin)).cloned().unwrap_or(Origin::Defaults)
    }

    fn nested(&self) -> Table {
        let mut root = Table::new();
        for (key, (value, _)) in &self.values {
            let mut sections: Vec<&str> = key.split('.').collect();
            let Some(name) = sections.pop() else { continue };
            insert(&mut root, &sections, name, value.clone());
        }
        for section in self.known.keys().filter_map(|key| key.split_once('.')) {
            root.entry(section.0).or_insert_with(|| Value::Table(Table::new()));
        }
        root
    }
}

fn insert(table: &mut Table, sections: &[&str], name: &str, value: Value) {
    let Some((section, rest)) = sections.split_first() else {
        table.insert(name.to_owned(), value);
        return;
    };
    let inner = table.entry(*section).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(inner) = inner {
        insert(inner, rest, name, value);
    }
}

const fn rank(origin: &Origin) -> u8 {
    match origin {
        Origin::Defaults => 0,
        Origin::File(_) => 1,
        Origin::Variable(_) => 2,
        Origin::Flag(_) => 3,
    }
}

fn parse(text: &str, origin: &Origin) -> Result<Table, ConfigError> {
    text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
        origin: origin.clone(),
        reason: error.to_string().trim_end().to_owned(),
    })
}

/// The example file with the settings that it shows as unset made real: `#key = …`.
fn with_unset_settings(example: &str) -> String {
    let lines = example.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_alphabetic()) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every value that is not a table, by dotted key; and every empty table.
fn flatten(table: &Table) -> BTreeMap<String, Value> {
    let mut flat = BTreeMap::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) if !inner.is_empty() => {
                let inner = flatten(inner).into_iter();
                flat.extend(inner.map(|(rest, value)| (format!("{key}.{rest}"), value)));
            }
            _ => _ = flat.insert(key.clone(), value.clone()),
        }
    }
    flat
}

/// Why `value` is not of the example's type. It names types only, because it may be a secret.
fn mismatch(example: &Value, value: &Value) -> Option<String> {
    match (example, value) {
        (Value::Array(examples), Value::Array(values)) => {
            let example = examples.first()?;
            values.iter().find_map(|value| mismatch(example, value))
        }
        (Value::Integer(_) | Value::Float(_), Value::Integer(_))
        | (Value::Integer(_), Value::Float(_)) => None,
        _ if example.same_type(value) => None,
        _ => Some(format!("expected {}, not {}", type_name(example), type_name(value))),
    }
}

const fn type_name(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "an integer",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_example_is_a_setting() {
        let mut layers = Layers::defaults().unwrap();
        layers.add_file(Path::new("example"), &with_unset_settings(EXAMPLE)).unwrap();
        let settings = layers.into_settings().unwrap();
        assert!(settings.listen.federation.is_some() && settings.well_known.server.is_some());
        assert_eq!(settings.registration.tokens.len(), 1);
    }

    #[test]
    fn the_example_is_itself_a_valid_file_but_for_the_name() {
        let mut layers = Layers::defaults().unwrap();
        layers.add_file(Path::new("example"), EXAMPLE).unwrap();
        assert!(matches!(layers.into_settings(), Err(ConfigError::NoServerName)));
    }

    #[test]
    fn an_unknown_key_of_a_file_names_the_file() {
        let mut layers = Layers::defaults().unwrap();
        let file = Path::new("/etc/hearth.toml");
        let error = layers.add_file(file, "[listen]\nclinet = \"[::]:1\"\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "/etc/hearth.toml: there is no setting `listen.clinet`; did you mean `listen.client`?"
        );
        for (text, expected) in [
            ("listen = 5", "did you mean"),
            ("[storage]", "there is no setting `storage`"),
            ("server_name = 5", "server_name: expected a string, not an integer"),
            ("server_name = ", "TOML parse error at line 1"),
        ] {
            let message = layers.add_file(file, text).unwrap_err().to_string();
            assert!(message.starts_with("/etc/hearth.toml: "), "{message}");
            assert!(message.contains(expected), "{message}");
        }
        layers.add_file(file, "[listen]\n[media]\n").unwrap();
    }

    #[test]
    fn variables_that_are_not_settings_are_left_alone() {
        let mut layers = Layers::defaults().unwrap();
        let variables = ["HEARTH_CONFIG", "HEARTH_CACHE_DIR", "HEARTH_TEST_SEED", "PATH"];
        layers.add_environment(variables.map(|name| (name.to_owned(), "x".to_owned()))).unwrap();
    }
}
