//! Where an execution lives: 20 bits of its id name the partition, so that everybody can route by the id alone.
//!
//! All executions of one pipeline share those bits, and therefore one owner (concurrency limits, waiting queues and
//! "latest execution" stay local decisions).

use crate::{id::ExecutionId, ulid};

const ROUTING_BITS: u32 = 20;
const REST_BITS: u32 = 80 - ROUTING_BITS;

/// FNV-1a, 32 bits: the hash that NATS itself uses for partitions.
#[must_use]
pub fn fnv1a32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// FNV-1a, 64 bits; used where a derived id needs more than the routing bits.
#[must_use]
pub fn fnv1a64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The 20 routing bits of `key`: a pipeline config id, or an application for tasks.
#[must_use]
pub fn bits_of(key: &str) -> u32 {
    fnv1a32(key.as_bytes()) & ((1 << ROUTING_BITS) - 1)
}

/// The id of an execution that is routed by `key`; `rest` supplies the other 60 bits.
///
/// The same arguments give the same id: derived starts (an event, a cron instant, a child) pass a hash, drawn ones pass
/// randomness.
#[must_use]
pub fn execution_id(time_ms: i64, key: &str, rest: u64) -> ExecutionId {
    let random =
        (u128::from(bits_of(key)) << REST_BITS) | u128::from(rest & ((1 << REST_BITS) - 1));
    ExecutionId::from_ulid(ulid::encode(time_ms, random))
}

/// The partition of an execution among `partitions`.
///
/// An id that is no ULID (a client may choose one) is hashed whole.
#[must_use]
pub fn partition_of(id: &ExecutionId, partitions: u32) -> u32 {
    let bits = match ulid::decode(id.as_str()) {
        Some((_, random)) => u32::try_from(random >> REST_BITS).unwrap_or(0),
        None => bits_of(id.as_str()),
    };
    bits % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_of_one_pipeline_meet() {
        for partitions in [1, 2, 6, 7] {
            let first = partition_of(&execution_id(1, "config", 1), partitions);
            let second = partition_of(
                &execution_id(1_800_000_000_000, "config", u64::MAX),
                partitions,
            );
            assert_eq!(first, second);
            assert_eq!(first, bits_of("config") % partitions);
        }
    }

    #[test]
    fn the_hashes_are_fnv() {
        assert_eq!(fnv1a32(b"a"), 0xe40c_292c);
        assert_eq!(fnv1a64(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
