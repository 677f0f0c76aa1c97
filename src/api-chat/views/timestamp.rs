//! Points in time.

use ruma::MilliSecondsSinceUnixEpoch;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A point in time, as RFC 3339 writes it, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-01-31T12:00:00.500Z")]
pub struct Timestamp(u64);

impl Timestamp {
    /// From Unix milliseconds.
    #[must_use]
    pub const fn from_ms(unix_ms: u64) -> Self {
        Self(unix_ms)
    }
}

impl From<MilliSecondsSinceUnixEpoch> for Timestamp {
    fn from(time: MilliSecondsSinceUnixEpoch) -> Self {
        Self(time.get().into())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000);
        // Whoever sends an event from the year 10000 sees it sent in 1970.
        let time = time.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second, ms) = time.to_hms_milli();
        let month = u8::from(month);
        // As long as any other, so that times sort like text.
        serializer.collect_str(&format_args!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let written = |ms| to_value(Timestamp::from_ms(ms)).unwrap();
        assert_eq!(written(0), json!("1970-01-01T00:00:00.000Z"));
        assert_eq!(written(1_700_000_000_120), json!("2023-11-14T22:13:20.120Z"));
        assert_eq!(written(u64::MAX), json!("1970-01-01T00:00:00.000Z"));
    }
}
