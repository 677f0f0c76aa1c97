//! The table `docs/api-coverage.md`.

use std::fmt::Write;

use crate::{Coverage, Operation, coverage::Tried};

/// The cell of the statuses, counted from the empty one before the first bar.
const STATUSES_COLUMN: usize = 3;
/// Most subjects that a row names.
const SUBJECTS_MAX: usize = 6;

const HEAD: &str = "\
# Coverage of the client-server API

Every operation of Matrix 1.19's client-server API, the statuses with which the stories in
`tests/stories` saw it answered, and the modules of those stories. Every answer that a story gets is
checked against the specification's schema of that operation and status (`tests/specification`).

Made by `./dev coverage`; `./dev test` fails while it is out of date.

";

/// The whole file.
#[must_use]
pub fn render(operations: &[Operation], coverage: &Coverage) -> String {
    let mut text = HEAD.to_owned();
    let untried: Vec<&Operation> =
        operations.iter().filter(|known| coverage.of(&known.id).is_none()).collect();
    let tried = operations.len() - untried.len();
    let _ = writeln!(text, "{tried} of {} operations are exercised.\n", operations.len());
    if !untried.is_empty() {
        text.push_str("Not exercised:\n\n");
        for operation in untried {
            let _ = writeln!(text, "- `{}`: {} {}", operation.id, operation.method, operation.path);
        }
        text.push('\n');
    }
    text.push_str("| method and path | operation | statuses | stories |\n|---|---|---|---|\n");
    for operation in operations {
        if let Some(tried) = coverage.of(&operation.id) {
            text.push_str(&row(operation, tried));
        }
    }
    text
}

/// The table without the statuses, which depend on who was faster: a story that waits for
/// something may or may not see that it was not there yet.
#[must_use]
pub fn without_statuses(table: &str) -> String {
    let lines = table.lines().map(|line| {
        let cells: Vec<&str> = line.split('|').collect();
        let kept = cells.iter().enumerate().filter(|(column, _)| *column != STATUSES_COLUMN);
        kept.map(|(_, cell)| *cell).collect::<Vec<_>>().join("|")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn row(operation: &Operation, tried: &Tried) -> String {
    let statuses: Vec<String> = tried.statuses.iter().map(ToString::to_string).collect();
    let mut subjects: Vec<&str> = tried.subjects.iter().map(String::as_str).collect();
    if subjects.len() > SUBJECTS_MAX {
        subjects.truncate(SUBJECTS_MAX);
        subjects.push("…");
    }
    let deprecated = if operation.is_deprecated { " (deprecated)" } else { "" };
    let Operation { method, path, id, .. } = operation;
    let (statuses, subjects) = (statuses.join(" "), subjects.join(", "));
    format!("| {method} `{path}` | {id}{deprecated} | {statuses} | {subjects} |\n")
}

#[cfg(test)]
mod tests {
    use super::without_statuses;

    #[test]
    fn only_statuses_may_differ() {
        let row = "| GET `/a` | getA | 200 404 | rooms |";
        assert_eq!(without_statuses(row), without_statuses("| GET `/a` | getA | 200 | rooms |"));
        assert_ne!(without_statuses(row), without_statuses("| GET `/a` | getA | 200 404 | sync |"));
        assert_ne!(
            without_statuses(row),
            without_statuses("| GET `/b` | getA | 200 404 | rooms |")
        );
    }
}
