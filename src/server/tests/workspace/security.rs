//! `docs/security.md` and `docs/chat-api.md` name tests: each of them exists.

use crate::repository::{read, rust_files};

/// The names `module::test` in the rows of the table, in backquotes.
fn named_tests(document: &str) -> Vec<(String, String)> {
    let document = read(document);
    let rows = document.lines().filter(|line| line.starts_with("| "));
    let quoted = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    let tests = quoted.filter_map(|name| name.split_once("::"));
    tests.map(|(module, test)| (module.to_owned(), test.to_owned())).collect()
}

/// Whether a file is the module, or is in its folder.
fn is_of(path: &str, module: &str) -> bool {
    path.split('/').any(|part| part.strip_suffix(".rs").unwrap_or(part) == module)
}

#[test]
fn every_test_of_the_tables_exists() {
    let files = rust_files();
    for document in ["docs/security.md", "docs/chat-api.md"] {
        let tests = named_tests(document);
        assert!(tests.len() > 20, "no table in {document}");
        for (module, test) in tests {
            let definition = format!("fn {test}(");
            let mut files = files.iter().filter(|(path, _)| is_of(path, &module));
            let exists = files.any(|(_, text)| text.contains(&definition));
            assert!(exists, "{document}: no test {module}::{test}");
        }
    }
}
