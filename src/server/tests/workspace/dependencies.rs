//! Dependencies have licenses that we may use and come from the registry, as `deny.toml` says.
//!
//! Deliberately absent: security advisories. Their database is not in the registry.

use std::collections::BTreeSet;

use serde_json::Value;
use spdx::{Expression, LicenseReq, ParseMode};

use crate::repository::{metadata, read};

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn policy(section: &str, key: &str) -> Vec<toml::Value> {
    let policy: toml::Table = read("deny.toml").parse().unwrap();
    policy[section][key].as_array().unwrap().clone()
}

/// What the binary and its tests are built from, ours excepted.
fn dependencies() -> Vec<Value> {
    let metadata = metadata(true);
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let built: BTreeSet<&str> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let theirs = packages.filter(|package| !package["source"].is_null());
    theirs.filter(|package| built.contains(package["id"].as_str().unwrap())).cloned().collect()
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap()
}

#[test]
fn licenses_are_allowed() {
    let allowed: Vec<LicenseReq> = policy("licenses", "allow")
        .iter()
        .map(|license| {
            let license = Expression::parse(license.as_str().unwrap()).unwrap();
            license.requirements().next().unwrap().req.clone()
        })
        .collect();
    let refused: Vec<String> = dependencies()
        .iter()
        .filter(|package| {
            let license = package["license"].as_str().unwrap_or_default();
            let parsed = Expression::parse_mode(license, ParseMode::LAX);
            !parsed.is_ok_and(|license| license.evaluate(|needed| allowed.contains(needed)))
        })
        .map(|package| format!("{}: {}", name(package), package["license"]))
        .collect();
    assert!(refused.is_empty(), "deny.toml does not allow\n{}", refused.join("\n"));
}

#[test]
fn sources_are_the_registry() {
    for package in dependencies() {
        assert_eq!(package["source"], REGISTRY, "{}", name(&package));
    }
}

#[test]
fn banned_dependencies_are_absent() {
    let banned = policy("bans", "deny");
    for package in dependencies() {
        let is_banned = banned.iter().any(|ban| ban["crate"].as_str() == Some(name(&package)));
        assert!(!is_banned, "{} is banned by deny.toml", name(&package));
    }
}
