//! Dependencies point one way: as the table in `docs/architecture.md` says, and no other.

use std::collections::{BTreeMap, BTreeSet};

use crate::repository::{metadata, read};

const PREFIX: &str = "hearth-";
/// Depends on what it likes: it starts the real binary and no crate depends on it.
const STORIES: &str = "tests";

type Edges = BTreeMap<String, BTreeSet<String>>;

/// The rows `| crate | may depend on |`, crates in backquotes. "all" stands for every crate.
fn allowed() -> Edges {
    let document = read("docs/architecture.md");
    let table = document.lines().skip_while(|line| !line.contains("| may depend on |"));
    let rows = table.skip(2).take_while(|line| line.starts_with('|'));
    let mut edges = Edges::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let to: BTreeSet<String> = quoted(cells.last().unwrap()).collect();
        for from in quoted(cells[0]) {
            edges.insert(from, to.clone());
        }
    }
    assert!(edges.len() > 10, "no table `| crate | … | may depend on |` in docs/architecture.md");
    edges
}

fn quoted(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

fn actual() -> Edges {
    let metadata = metadata(false);
    let packages = metadata["packages"].as_array().unwrap();
    let short = |name: &str| name.strip_prefix(PREFIX).map(str::to_owned);
    let edges = packages.iter().map(|package| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let built = dependencies.filter(|dependency| dependency["kind"] != "dev");
        let to = built.filter_map(|dependency| short(dependency["name"].as_str().unwrap()));
        (short(package["name"].as_str().unwrap()).unwrap(), to.collect())
    });
    edges.collect()
}

#[test]
fn every_dependency_is_in_the_table() {
    let allowed = allowed();
    for (from, to) in actual() {
        if from == STORIES {
            continue;
        }
        let allowed = allowed.get(&from);
        let allowed = allowed.unwrap_or_else(|| panic!("{from} is not in the table of layers"));
        let all = allowed.contains("all");
        let forbidden: Vec<_> = to.difference(allowed).collect();
        assert!(all || forbidden.is_empty(), "{from} must not depend on {forbidden:?}");
    }
}

#[test]
fn every_crate_of_the_table_exists() {
    let actual = actual();
    for crate_name in allowed().keys() {
        assert!(actual.contains_key(crate_name), "there is no crate {crate_name}");
    }
}
