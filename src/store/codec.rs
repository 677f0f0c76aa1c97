//! Keys and values as bytes.
//!
//! Keys keep the order of what they encode: integers are big-endian (signed ones with the sign
//! bit flipped), strings end with `00` and write an inner `00` as `01 01` and `01` as `01 02`.
//! So `00` only ever ends a string, whatever byte the next part begins with. Values are postcard
//! behind one byte of format version.

use hearth_base::{EventNid, RoomNid, StreamPosition};
use ruma::{
    EventId, OwnedDeviceId, OwnedEventId, OwnedRoomAliasId, OwnedRoomId, OwnedServerName,
    OwnedUserId, RoomId, UserId,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Keyspace, Pending, Slot, StoreError};

/// A position as eight bytes that sort like it.
#[must_use]
pub fn encode_position(position: StreamPosition) -> [u8; 8] {
    (position.0 ^ i64::MIN).to_be_bytes()
}

/// The reverse of [`encode_position`].
pub(crate) fn decode_position(bytes: [u8; 8]) -> StreamPosition {
    StreamPosition(i64::from_be_bytes(bytes) ^ i64::MIN)
}

/// A value behind its format version.
pub(crate) fn encode_value<V: Serialize>(
    keyspace: Keyspace,
    version: u8,
    value: &V,
) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(value, vec![version]).map_err(|error| StoreError::corrupt(keyspace, error))
}

/// The reverse of [`encode_value`]; any other version than `version` is corrupt.
pub(crate) fn decode_value<V: DeserializeOwned>(
    keyspace: Keyspace,
    version: u8,
    bytes: &[u8],
) -> Result<V, StoreError> {
    match bytes.split_first() {
        Some((found, rest)) if *found == version => {
            postcard::from_bytes(rest).map_err(|error| StoreError::corrupt(keyspace, error))
        }
        found => Err(StoreError::corrupt(keyspace, format!("format version {found:?}"))),
    }
}

/// Ends a string within a key.
const END: u8 = 0;
/// Comes before an escaped byte, which is written as its successor.
const ESCAPE: u8 = 1;

/// A key while it is written.
#[derive(Debug, Default)]
pub struct KeyBuffer {
    pub(crate) bytes: Vec<u8>,
    pub(crate) slot: Option<Slot>,
}

impl KeyBuffer {
    fn string(&mut self, text: &str) {
        for byte in text.bytes() {
            if byte <= ESCAPE {
                self.bytes.extend([ESCAPE, byte + 1]);
            } else {
                self.bytes.push(byte);
            }
        }
        self.bytes.push(END);
    }
}

/// Something that a key can be made of.
pub trait KeyPart: Sized {
    /// Reads the part from the front of `bytes`, or `None` if it is not there.
    fn read(bytes: &mut &[u8]) -> Option<Self>;
}

/// Something that can be written where a key has a `P`: the part itself, a borrowed form of it,
/// or for a position also one that is still [`Pending`].
pub trait KeyPartFor<P> {
    /// Writes the part at the end of `key`.
    fn write(&self, key: &mut KeyBuffer);
}

/// A whole key: a tuple of parts.
pub trait Key: Sized {
    /// Reads all parts; `None` if they do not fill `bytes` exactly.
    fn read(bytes: &[u8]) -> Option<Self>;
}

/// A tuple that can be written where the first parts of a key `K`, or all of them, are wanted.
pub trait KeyPrefix<K> {
    /// Writes the parts at the end of `key`.
    fn write(&self, key: &mut KeyBuffer);
}

/// A tuple of all parts of a key `K`.
pub trait WholeKey<K>: KeyPrefix<K> {}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    take::<1>(bytes).map(|[byte]| byte)
}

fn take_string(bytes: &mut &[u8]) -> Option<String> {
    let mut text = Vec::new();
    loop {
        match take_byte(bytes)? {
            END => return String::from_utf8(text).ok(),
            ESCAPE => {
                let escaped = take_byte(bytes)?.checked_sub(1)?;
                text.push(Some(escaped).filter(|byte| *byte <= ESCAPE)?);
            }
            byte => text.push(byte),
        }
    }
}

impl<P: KeyPartFor<P>> KeyPartFor<P> for &P {
    fn write(&self, key: &mut KeyBuffer) {
        P::write(self, key);
    }
}

impl KeyPartFor<StreamPosition> for Pending {
    fn write(&self, key: &mut KeyBuffer) {
        let offset = u16::try_from(key.bytes.len()).unwrap_or(u16::MAX);
        key.slot = Some(Slot { offset, fact: *self });
        key.bytes.extend_from_slice(&[0; 8]);
    }
}

impl KeyPart for StreamPosition {
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        take(bytes).map(decode_position)
    }
}

impl KeyPartFor<Self> for StreamPosition {
    fn write(&self, key: &mut KeyBuffer) {
        key.bytes.extend_from_slice(&encode_position(*self));
    }
}

impl<const N: usize> KeyPart for [u8; N] {
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        take(bytes)
    }
}

impl<const N: usize> KeyPartFor<Self> for [u8; N] {
    fn write(&self, key: &mut KeyBuffer) {
        key.bytes.extend_from_slice(self);
    }
}

/// The key parts and tuples, all alike.
macro_rules! key_parts {
    (integers: $($integer:ty as $bytes:ty, $wrap:expr, $unwrap:expr;)*) => {$(
        impl KeyPart for $integer {
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                take(bytes).map(<$bytes>::from_be_bytes).map($wrap)
            }
        }
        impl KeyPartFor<Self> for $integer {
            fn write(&self, key: &mut KeyBuffer) {
                key.bytes.extend_from_slice(&<$bytes>::to_be_bytes($unwrap(self)));
            }
        }
    )*};
    (strings: $($owned:ty, $borrowed:ty;)*) => {$(
        impl KeyPart for $owned {
            fn read(bytes: &mut &[u8]) -> Option<Self> {
                <$owned>::try_from(take_string(bytes)?).ok()
            }
        }
        impl KeyPartFor<Self> for $owned {
            fn write(&self, key: &mut KeyBuffer) {
                key.string(self.as_ref());
            }
        }
        impl KeyPartFor<$owned> for &$borrowed {
            fn write(&self, key: &mut KeyBuffer) {
                key.string(self.as_ref());
            }
        }
    )*};
    (tuple: $($part:ident $value:ident $index:tt),*) => {
        impl<$($part: KeyPart),*> Key for ($($part,)*) {
            fn read(mut bytes: &[u8]) -> Option<Self> {
                let key = ($(<$part as KeyPart>::read(&mut bytes)?,)*);
                bytes.is_empty().then_some(key)
            }
        }
        impl<$($part,)* $($value: KeyPartFor<$part>),*> WholeKey<($($part,)*)> for ($($value,)*) {}
        impl<$($part,)* $($value: KeyPartFor<$part>),*> KeyPrefix<($($part,)*)> for ($($value,)*) {
            fn write(&self, key: &mut KeyBuffer) {
                $(<$value as KeyPartFor<$part>>::write(&self.$index, key);)*
            }
        }
    };
    (prefix: $($part:ident $value:ident $index:tt),*; $($rest:ident),*) => {
        impl<$($part,)* $($rest,)* $($value: KeyPartFor<$part>),*>
            KeyPrefix<($($part,)* $($rest,)*)> for ($($value,)*)
        {
            fn write(&self, key: &mut KeyBuffer) {
                $(<$value as KeyPartFor<$part>>::write(&self.$index, key);)*
            }
        }
    };
}

key_parts!(integers:
    u8 as u8, |n| n, |n: &u8| *n;
    u32 as u32, |n| n, |n: &u32| *n;
    u64 as u64, |n| n, |n: &u64| *n;
    EventNid as u64, EventNid, |n: &EventNid| n.0;
    RoomNid as u64, RoomNid, |n: &RoomNid| n.0;
);
key_parts!(strings:
    String, str;
    OwnedUserId, UserId;
    OwnedRoomId, RoomId;
    OwnedEventId, EventId;
    OwnedDeviceId, ruma::DeviceId;
    OwnedServerName, ruma::ServerName;
    OwnedRoomAliasId, ruma::RoomAliasId;
);
key_parts!(tuple: A VA 0);
key_parts!(tuple: A VA 0, B VB 1);
key_parts!(tuple: A VA 0, B VB 1, C VC 2);
key_parts!(tuple: A VA 0, B VB 1, C VC 2, D VD 3);
key_parts!(tuple: A VA 0, B VB 1, C VC 2, D VD 3, E VE 4);
key_parts!(prefix: A VA 0; B);
key_parts!(prefix: A VA 0; B, C);
key_parts!(prefix: A VA 0; B, C, D);
key_parts!(prefix: A VA 0; B, C, D, E);
key_parts!(prefix: A VA 0, B VB 1; C);
key_parts!(prefix: A VA 0, B VB 1; C, D);
key_parts!(prefix: A VA 0, B VB 1; C, D, E);
key_parts!(prefix: A VA 0, B VB 1, C VC 2; D);
key_parts!(prefix: A VA 0, B VB 1, C VC 2; D, E);
key_parts!(prefix: A VA 0, B VB 1, C VC 2, D VD 3; E);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Example = (String, u64, StreamPosition);

    fn encode(key: &impl KeyPrefix<Example>) -> Vec<u8> {
        let mut buffer = KeyBuffer::default();
        key.write(&mut buffer);
        buffer.bytes
    }

    fn example() -> impl Strategy<Value = Example> {
        (
            "[\\x00-\\x03a-c\u{ff}]{0,4}",
            prop_oneof![any::<u64>(), Just(u64::MAX), Just(0)],
            any::<i64>().prop_map(StreamPosition),
        )
    }

    proptest! {
        #[test]
        fn keys_come_back(key in example()) {
            prop_assert_eq!(<Example as Key>::read(&encode(&key)), Some(key));
        }

        #[test]
        fn keys_sort_like_what_they_encode(a in example(), b in example()) {
            prop_assert_eq!(encode(&a).cmp(&encode(&b)), a.cmp(&b));
        }

        #[test]
        fn borrowed_parts_and_prefixes_write_alike(key in example()) {
            let whole = encode(&key);
            prop_assert_eq!(&encode(&(key.0.as_str(), &key.1, key.2)), &whole);
            prop_assert!(whole.starts_with(&encode(&(&key.0,))));
            prop_assert!(whole.starts_with(&encode(&(&key.0, key.1))));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = <Example as Key>::read(&bytes);
            let _ = decode_value::<(String, u64)>(Keyspace::Meta, 1, &bytes);
        }

        #[test]
        fn values_come_back(text in ".*", number: u64) {
            let bytes = encode_value(Keyspace::Meta, 3, &(text.clone(), number)).unwrap();
            let back: (String, u64) = decode_value(Keyspace::Meta, 3, &bytes).unwrap();
            prop_assert_eq!(back, (text, number));
            prop_assert!(decode_value::<(String, u64)>(Keyspace::Meta, 4, &bytes).is_err());
        }
    }
}
