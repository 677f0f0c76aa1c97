//! `docs/chat-api.md` says which test proves which sentence of the contract; here, that it does not
//! make tests up.

use std::{collections::BTreeSet, fs, path::Path};

/// The names in backticks that look like those of tests, `file::test`.
fn named_tests(page: &str) -> BTreeSet<(String, String)> {
    let quoted = page.split('`').skip(1).step_by(2);
    let named = quoted.filter_map(|name| name.split_once("::"));
    named.map(|(file, test)| (file.to_owned(), test.to_owned())).collect()
}

#[test]
fn the_tests_that_prove_the_contract_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/chat-api.md")).unwrap();
    let named = named_tests(&page);
    assert!(named.len() > 60, "{named:?}");
    for (file, test) in named {
        let path = if file.contains('/') { file.clone() } else { format!("tests/chat/{file}.rs") };
        let source = fs::read_to_string(root.join(&path));
        let source = source.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(source.contains(&format!("fn {test}()")), "{path} has no test {test}");
    }
    for path in page.split('`').filter(|part| part.starts_with("tests/") && !part.contains("::")) {
        assert!(root.join(path).exists(), "{path}");
    }
}
