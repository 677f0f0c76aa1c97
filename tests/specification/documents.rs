//! Reading the documents: YAML files that refer to each other by relative path.
//!
//! Two things are changed while reading. `oneOf` becomes `anyOf`, because branches overlap in the
//! documents. Examples go away, because theirs are references that are none of the schema's.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use boon::{Compiler, Format};
use serde_json::Value;

/// The documents cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A schema is none.
    #[error("{0}")]
    Schema(String),
}

/// The formats of strings that begin with a sigil (specification, appendices, identifiers).
const SIGILS: [Format; 5] = [
    Format { name: "mx-user-id", func: |value| begins_with(value, "@") },
    Format { name: "mx-room-id", func: |value| begins_with(value, "!") },
    Format { name: "mx-room-alias", func: |value| begins_with(value, "#") },
    Format { name: "mx-event-id", func: |value| begins_with(value, "$") },
    Format { name: "mx-mxc-uri", func: |value| begins_with(value, "mxc://") },
];

/// Every YAML file below a folder, by its address.
pub(crate) fn read_folder(folder: &Path) -> Result<BTreeMap<String, Value>, LoadError> {
    let mut documents = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error: std::io::Error| LoadError::File {
            path: folder.clone(),
            reason: error.to_string(),
        };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                documents.insert(address(&path), read_file(&path)?);
            }
        }
    }
    Ok(documents)
}

/// The address under which a file is known to the schemas that refer to it.
pub(crate) fn address(path: &Path) -> String {
    format!("file://{}", path.display())
}

fn read_file(path: &Path) -> Result<Value, LoadError> {
    let failed = |reason: String| LoadError::File { path: path.to_owned(), reason };
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let mut document = serde_norway::from_str(&text).map_err(|error| failed(error.to_string()))?;
    adapt(&mut document, false);
    Ok(document)
}

/// `in_properties`: the keys are names of properties and not words of a schema.
fn adapt(value: &mut Value, in_properties: bool) {
    match value {
        Value::Object(object) => {
            if !in_properties {
                object.remove("example");
                object.remove("examples");
                if let Some(branches) = object.remove("oneOf") {
                    object.insert("anyOf".to_owned(), branches);
                }
            }
            for (key, value) in object {
                adapt(value, !in_properties && key == "properties");
            }
        }
        Value::Array(array) => array.iter_mut().for_each(|value| adapt(value, false)),
        _ => {}
    }
}

/// A compiler that knows these documents and the formats of the specification.
pub(crate) fn compiler(documents: BTreeMap<String, Value>) -> Result<Compiler, LoadError> {
    let mut compiler = Compiler::new();
    compiler.enable_format_assertions();
    for format in SIGILS {
        compiler.register_format(format);
    }
    for (address, document) in documents {
        let added = compiler.add_resource(&address, document);
        added.map_err(|error| LoadError::Schema(format!("{error:#}")))?;
    }
    Ok(compiler)
}

fn begins_with(value: &Value, sigil: &str) -> Result<(), Box<dyn std::error::Error>> {
    match value {
        Value::String(text) if !text.starts_with(sigil) => {
            Err(format!("{text:?} does not begin with {sigil}").into())
        }
        _ => Ok(()),
    }
}
