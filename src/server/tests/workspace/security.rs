//! `docs/security.md` names tests: each of them exists.

use crate::repository::{read, rust_files};

/// The names `module::test` in the rows of the table, in backquotes.
fn named_tests() -> Vec<(String, String)> {
    let document = read("docs/security.md");
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
fn every_test_of_the_table_exists() {
    let files = rust_files();
    let tests = named_tests();
    assert!(tests.len() > 20, "no table in docs/security.md");
    for (module, test) in tests {
        let definition = format!("fn {test}(");
        let mut files = files.iter().filter(|(path, _)| is_of(path, &module));
        assert!(files.any(|(_, text)| text.contains(&definition)), "no test {module}::{test}");
    }
}
