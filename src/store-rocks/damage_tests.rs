//! What happens to a database that lost something: nothing acknowledged goes unnoticed, and
//! nothing more is lost by looking.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use rocksdb::Options;
use tempfile::TempDir;

use crate::{
    OpenError, RocksEngine,
    database::Db,
    test_data::{commit, open_default, positions, try_commit},
    watermark::Watermark,
};

/// A copy of a database's files as they are on disk at this moment, as after SIGKILL.
fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "LOCK" {
            fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
        }
    }
    to
}

/// A copy of a database with ten rows: on disk as tables if `flushed`, else in its log.
async fn ten_rows(flushed: bool) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let engine = open_default(directory.path()).unwrap();
    commit(&engine, 0..10).await;
    if flushed {
        hearth_store::Engine::close(&engine).await.unwrap();
    }
    copy(directory.path())
}

/// The files that hold rows, with their contents.
fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let kept = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "sst" || kind == "log");
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(kept)
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

/// The largest file of a kind.
fn find(directory: &Path, kind: &str) -> PathBuf {
    let of_kind = files(directory)
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|found| found == kind));
    of_kind.max_by_key(|(_, bytes)| bytes.len()).unwrap().0
}

/// Expects a refusal that names `named` and leaves every table and log as it was.
fn refused(directory: &Path, named: &str) -> OpenError {
    let before = files(directory);
    let Err(error) = open_default(directory) else {
        panic!("a damaged database was opened");
    };
    assert!(error.to_string().contains(named), "{error}");
    let after = files(directory);
    for (path, bytes) in before {
        assert_eq!(after.get(&path), Some(&bytes), "{}", path.display());
    }
    error
}

#[tokio::test]
async fn a_database_in_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open_default(directory.path()).unwrap();
    let Err(error) = open_default(directory.path()) else {
        panic!("opened twice");
    };
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    commit(&engine, 0..1).await;
}

#[tokio::test]
async fn missing_indexes_are_refused_and_no_file_is_deleted() {
    for flushed in [false, true] {
        let directory = ten_rows(flushed).await;
        fs::remove_file(directory.path().join("CURRENT")).unwrap();
        let error = refused(directory.path(), "CURRENT is missing");
        assert!(matches!(error, OpenError::Damaged { .. }));

        let directory = ten_rows(flushed).await;
        let current = fs::read_to_string(directory.path().join("CURRENT")).unwrap();
        fs::remove_file(directory.path().join(current.trim())).unwrap();
        let error = refused(directory.path(), current.trim());
        assert!(matches!(error, OpenError::Damaged { .. }));
    }
}

#[tokio::test]
async fn a_missing_table_is_named() {
    let directory = ten_rows(true).await;
    let table = find(directory.path(), "sst");
    fs::remove_file(&table).unwrap();
    let name = table.file_name().unwrap().to_str().unwrap();
    let error = refused(directory.path(), name);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_table_is_an_error_and_not_a_panic() {
    let directory = ten_rows(true).await;
    let table = find(directory.path(), "sst");
    let mut bytes = fs::read(&table).unwrap();
    bytes[100..2_000].fill(0x55);
    fs::write(&table, bytes).unwrap();
    let engine = open_default(directory.path()).unwrap();
    let snapshot = hearth_store::Engine::snapshot(&engine).await.unwrap();
    let keys = [crate::test_data::note(0).0];
    let row = snapshot.get_many(hearth_store::Keyspace::Rooms, &keys);
    let error = row.await.unwrap_err();
    assert!(matches!(error, hearth_store::StoreError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn a_torn_tail_of_the_log_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let engine = open_default(directory.path()).unwrap();
    commit(&engine, 0..10).await;
    let before = copy(directory.path());
    let acknowledged = fs::read(find(before.path(), "log")).unwrap();
    commit(&engine, 10..11).await;
    let whole = fs::read(find(directory.path(), "log")).unwrap();
    let torn_sizes = (acknowledged.len()..whole.len()).step_by(97);
    let mut tails: Vec<_> = torn_sizes.map(|size| whole[..size].to_vec()).collect();
    tails.push([&acknowledged, [0x5a; 500].as_slice()].concat());
    tails.push([&acknowledged, [0; 5_000].as_slice()].concat());
    let mut hole = whole;
    hole[acknowledged.len() + 200..acknowledged.len() + 300].fill(0);
    tails.push(hole);
    for tail in tails {
        let torn = copy(before.path());
        fs::write(find(torn.path(), "log"), tail).unwrap();
        // Twice, and written to: what was dropped stays dropped, and what came later is kept.
        for rows in [10, 11] {
            let engine = open_default(torn.path()).unwrap();
            assert_eq!(positions(&engine).await, rows);
            commit(&engine, rows..rows + 1).await;
        }
        assert_eq!(positions(&open_default(torn.path()).unwrap()).await, 12);
    }
}

#[tokio::test]
async fn lost_acknowledged_writes_are_noticed() {
    let lose: [fn(&Path); 3] = [
        |log| {
            let mut bytes = fs::read(log).unwrap();
            bytes[5_000..5_050].fill(0x55);
            fs::write(log, bytes).unwrap();
        },
        |log| {
            let bytes = fs::read(log).unwrap();
            fs::write(log, &bytes[..bytes.len() - 10]).unwrap();
        },
        |log| fs::remove_file(log).unwrap(),
    ];
    for lose in lose {
        let directory = ten_rows(false).await;
        lose(&find(directory.path(), "log"));
        let error = refused(directory.path(), "position 10");
        assert!(matches!(error, OpenError::LostWrites { .. }), "{error}");
        // Trying again does not wear the refusal out.
        let again = open_default(directory.path()).err().unwrap();
        assert!(matches!(again, OpenError::LostWrites { .. }), "{again}");
        fs::remove_file(Watermark::path(directory.path())).unwrap();
        let engine = open_default(directory.path()).unwrap();
        assert!(positions(&engine).await < 10);
    }
}

#[tokio::test]
async fn keyspaces_of_a_newer_version_are_refused() {
    let directory = ten_rows(true).await;
    {
        let families = Db::list_cf(&Options::default(), directory.path()).unwrap();
        let mut db = Db::open_cf(&Options::default(), directory.path(), families).unwrap();
        db.create_cf("holograms", &Options::default()).unwrap();
    }
    let error = refused(directory.path(), "holograms");
    assert!(matches!(error, OpenError::UnknownKeyspaces { .. }));
}

/// Names the directory for the process that runs out of space.
const FULL_DISK: &str = "HEARTH_TEST_FULL_DISK";

/// The test starts itself again under a limit on the size of files, which fails writes as a full
/// disk does, and then looks at what is left.
#[tokio::test]
async fn a_full_disk_is_an_error_and_loses_nothing() {
    if let Ok(directory) = env::var(FULL_DISK) {
        return fill_disk(Path::new(&directory)).await;
    }
    let directory = tempfile::tempdir().unwrap();
    let status = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 1000; exec "$0" "$@""#])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "damage_tests::a_full_disk_is_an_error_and_loses_nothing"])
        .env(FULL_DISK, directory.path())
        .status();
    assert!(status.unwrap().success());
    let engine: RocksEngine = open_default(&directory.path().join("database")).unwrap();
    let count = fs::read_to_string(directory.path().join("acknowledged")).unwrap();
    let acknowledged: u64 = count.parse().unwrap();
    // The write that failed may be there or not: nobody was told either.
    assert!((acknowledged..=acknowledged + 1).contains(&positions(&engine).await));
    let next = positions(&engine).await;
    commit(&engine, next..next + 5).await;
}

async fn fill_disk(directory: &Path) {
    let engine = open_default(&directory.join("database")).unwrap();
    let mut acknowledged = 0;
    while try_commit(&engine, acknowledged).await.is_ok() {
        acknowledged += 1;
        assert!(acknowledged < 1_000, "the disk is never full");
    }
    try_commit(&engine, acknowledged).await.unwrap_err();
    assert_eq!(positions(&engine).await, acknowledged);
    fs::write(directory.join("acknowledged"), acknowledged.to_string()).unwrap();
}
