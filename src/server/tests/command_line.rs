//! The `hearth` binary as its user meets it, as far as no client is needed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::{Command, Output};

fn hearth(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hearth")).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn version_is_printed() {
    assert_eq!(stdout(&hearth(&["version"])), concat!("hearth ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn the_example_is_a_file_that_check_accepts() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hearth.toml");
    std::fs::write(&file, stdout(&hearth(&["config", "example"]))).unwrap();
    let check = ["config", "check", "--config", file.to_str().unwrap()];
    let nameless = hearth(&check);
    assert!(!nameless.status.success());
    assert!(stderr(&nameless).contains("--server-name"), "{}", stderr(&nameless));
    let named = hearth(&[&check[..], &["--server-name", "example.org"]].concat());
    assert!(named.status.success(), "{}", stderr(&named));
}

#[test]
fn a_typing_error_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hearth.toml");
    std::fs::write(&file, "[media]\nmax_upload_byte = 5\n").unwrap();
    let output = hearth(&["serve", "--config", file.to_str().unwrap()]);
    assert!(!output.status.success());
    assert_eq!(
        stderr(&output),
        format!(
            "hearth: {}: there is no setting `media.max_upload_byte`; did you mean \
             `media.max_upload_bytes`?\n",
            file.display()
        )
    );
}
