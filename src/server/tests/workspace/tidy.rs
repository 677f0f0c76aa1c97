//! Short files, short functions, short lines. The limits never rise.

use crate::repository::rust_files;

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_CHARS_MAX: usize = 100;

fn none(found: &[String]) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn files_are_short() {
    let long = rust_files().into_iter().filter_map(|(name, text)| {
        let lines = text.lines().count();
        (lines > FILE_LINES_MAX).then(|| format!("{name}: {lines} lines, {FILE_LINES_MAX} at most"))
    });
    none(&long.collect::<Vec<_>>());
}

#[test]
fn lines_are_short() {
    let mut long = Vec::new();
    for (name, text) in rust_files() {
        for (number, line) in (1..).zip(text.lines()) {
            if line.chars().count() > LINE_CHARS_MAX {
                long.push(format!("{name}:{number}: more than {LINE_CHARS_MAX} characters"));
            }
        }
    }
    none(&long);
}

#[test]
fn functions_are_short() {
    let mut long = Vec::new();
    for (name, text) in rust_files() {
        for (line, length) in functions(&text) {
            if length > FUNCTION_LINES_MAX {
                let limit = FUNCTION_LINES_MAX;
                long.push(format!("{name}:{line}: a function of {length} lines, {limit} at most"));
            }
        }
    }
    none(&long);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = rust_files().into_iter().filter(|(_, text)| !text.starts_with("//!"));
    none(&silent.map(|(name, _)| format!("{name} does not open with //!")).collect::<Vec<_>>());
}

/// First line and length of every function. rustfmt puts the closing brace of a function where
/// its first line is indented to, and nothing else of the function is there, so no parser is
/// needed. A function without a body, as in a trait, ends with `);` or the like.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if !is_function(line.trim_start()) || line.ends_with('}') || line.ends_with(';') {
            continue;
        }
        let indentation = &line[..indent];
        let end = lines[start..].iter().position(|line| {
            line.strip_prefix(indentation)
                .is_some_and(|rest| rest == "}" || (rest.starts_with(')') && rest.ends_with(';')))
        });
        if let Some(length) = end {
            found.push((start + 1, length + 1));
        }
    }
    found
}

fn is_function(text: &str) -> bool {
    let words = text.split_whitespace();
    let mut words = words.skip_while(|word| {
        word.starts_with("pub") || ["const", "async", "unsafe", "extern", "in"].contains(word)
    });
    words.next() == Some("fn")
}

#[test]
fn functions_are_found_and_measured() {
    let text = "\
fn one() {}
pub(crate) async fn three() {
    let text = \"\";
}
impl X {
    fn declared(
        a: u8,
    ) -> u8;
    const fn five(
        a: u8,
    ) -> u8 {
        a
    }
}
";
    assert_eq!(functions(text), [(2, 3), (6, 3), (9, 5)]);
}
