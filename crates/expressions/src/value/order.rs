//! The iteration order of `java.util.HashMap`, which users see wherever Spinnaker rebuilds a map.

use serde_json::Value as Json;

/// `String.hashCode`.
pub(crate) fn hash_text(text: &str) -> i32 {
    if text.is_ascii() {
        return text.bytes().fold(0i32, |hash, b| {
            hash.wrapping_mul(31).wrapping_add(i32::from(b))
        });
    }
    text.encode_utf16().fold(0i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    })
}

/// The order in which a `HashMap` that received keys with these hashes one by one gives them back, as indices.
///
/// Buckets that Java turns into trees (nine keys of one bucket in a table of 64 or more) keep insertion order here.
pub(crate) fn hash_order(hashes: &[i32]) -> Vec<usize> {
    let spread: Vec<u32> = hashes
        .iter()
        .map(|hash| *hash as u32 ^ (*hash as u32 >> 16))
        .collect();
    let mut capacity: u32 = 16;
    while hashes.len() as u64 > u64::from(capacity) * 3 / 4 {
        capacity *= 2;
    }
    capacity = capacity.max(grown_by_collisions(&spread));
    let mut order: Vec<usize> = (0..hashes.len()).collect();
    order.sort_by_key(|at| spread[*at] & (capacity - 1));
    order
}

/// A small table also grows when a ninth key falls into one bucket.
fn grown_by_collisions(spread: &[u32]) -> u32 {
    if spread.len() < 9 {
        return 16;
    }
    let mut capacity: u32 = 16;
    let mut counts = [0u8; 64];
    for (at, hash) in spread.iter().enumerate() {
        if capacity >= 64 {
            break;
        }
        let bucket = &mut counts[(hash & (capacity - 1)) as usize];
        *bucket = bucket.saturating_add(1);
        let crowded = *bucket > 8;
        let full = at as u32 + 1 > capacity * 3 / 4;
        for grow in [crowded, full] {
            if grow && capacity < 64 {
                capacity *= 2;
                counts = [0; 64];
                for earlier in &spread[..=at] {
                    let bucket = &mut counts[(earlier & (capacity - 1)) as usize];
                    *bucket = bucket.saturating_add(1);
                }
            }
        }
    }
    capacity
}

/// Sorts a rebuilt JSON map into the order of a Java `HashMap`.
pub(crate) fn rebuilt(entries: Vec<(String, Json)>) -> serde_json::Map<String, Json> {
    let hashes: Vec<i32> = entries.iter().map(|(key, _)| hash_text(key)).collect();
    let order = hash_order(&hashes);
    let mut slots: Vec<Option<(String, Json)>> = entries.into_iter().map(Some).collect();
    order
        .into_iter()
        .filter_map(|at| slots[at].take())
        .collect()
}
