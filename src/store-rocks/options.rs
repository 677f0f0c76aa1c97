//! How RocksDB is tuned: for small values, little memory and a small directory.

use hearth_store::Keyspace;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, Error,
    LogLevel, Options,
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Largest sum of all write-ahead logs; over it the oldest memtables are flushed.
const WAL_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Largest memtable of one keyspace; all together are bounded by the settings.
const MEMTABLE_BYTES_MAX: usize = 4 * MIB;
/// The unit in which a memtable grows: small, because there is one for every keyspace.
const MEMTABLE_BLOCK_BYTES: usize = 64 * KIB;
/// Table files that are open at once.
const OPEN_FILES_MAX: i32 = 256;
/// Bits of bloom filter a key: about one wrong answer in a hundred.
const BLOOM_BITS: f64 = 10.0;

/// What an operator may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Size of the cache that all keyspaces share, indexes and filters included, in bytes.
    pub cache_bytes: usize,
    /// Size of all memtables together, in bytes.
    pub write_buffer_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { cache_bytes: 32 * MIB, write_buffer_bytes: 16 * MIB }
    }
}

/// Options of the whole database.
pub(crate) fn database(settings: &Settings) -> Result<Options, Error> {
    // Neither has a function of its own. Preallocated space would count as used, and logs that
    // are kept at recovery are still there when what they held turns out to be incomplete.
    let mut options = Options::default()
        .get_options_from_string("allow_fallocate=false;avoid_flush_during_recovery=true")?;
    options.create_missing_column_families(true);
    options.set_paranoid_checks(true);
    // Stops at a torn record, which no commit was answered for; the watermark finds other losses.
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    options.set_wal_compression_type(DBCompressionType::Zstd);
    options.set_max_total_wal_size(WAL_BYTES_MAX);
    options.set_db_write_buffer_size(settings.write_buffer_bytes);
    options.set_max_open_files(OPEN_FILES_MAX);
    // Few shards, each with room: a shard that is full closes tables although others have space.
    options.set_table_cache_num_shard_bits(2);
    options.set_max_background_jobs(2);
    options.set_bytes_per_sync(MIB as u64);
    options.set_avoid_unnecessary_blocking_io(true);
    options.set_skip_stats_update_on_db_open(true);
    options.set_manifest_preallocation_size(64 * KIB);
    options.set_max_manifest_file_size(MIB);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(MIB);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    Ok(options)
}

/// Every keyspace with its options; they share one cache.
pub(crate) fn keyspaces(settings: &Settings) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(settings.cache_bytes);
    Keyspace::ALL
        .into_iter()
        .map(|keyspace| ColumnFamilyDescriptor::new(keyspace.name(), family(keyspace, &cache)))
        .collect()
}

fn family(keyspace: Keyspace, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_cache_index_and_filter_blocks(true);
    table.set_cache_index_and_filter_blocks_with_high_priority(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_bloom_filter(BLOOM_BITS, false);
    table.set_whole_key_filtering(true);
    table.set_optimize_filters_for_memory(true);
    table.set_format_version(6);
    table.set_block_size(block_bytes(keyspace));

    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bottommost_compression_type(DBCompressionType::Zstd);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_write_buffer_size(MEMTABLE_BYTES_MAX);
    options.set_arena_block_size(MEMTABLE_BLOCK_BYTES);
    options.set_max_write_buffer_number(3);
    options.set_target_file_size_base(16 * MIB as u64);
    options.set_max_bytes_for_level_base(64 * MIB as u64);
    options
}

/// Rows that are read in order share a larger block, which also compresses better.
const fn block_bytes(keyspace: Keyspace) -> usize {
    match keyspace {
        Keyspace::Log | Keyspace::Events | Keyspace::Timeline => 16 * KIB,
        _ => 8 * KIB,
    }
}
