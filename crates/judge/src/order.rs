//! The order in which Scala 2.12 walks its hash maps.
//!
//! Group scores are listed, and weights and scores are summed, in that order by the original, so the last bits of a sum and
//! the order of a list depend on it.

/// The order of an immutable `Map` that was built by adding these distinct keys one after the other: up to four keep their
/// order, more become a trie over five bits of the hash at a time. Gives positions in `keys`.
pub(crate) fn of_map(keys: &[Option<&str>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    if keys.len() > 4 {
        order.sort_by_cached_key(|&at| {
            let hash = improved(hash_of(keys[at]));
            (0..7)
                .map(|level| (hash >> (5 * level)) & 31)
                .collect::<Vec<u32>>()
        });
    }
    order
}

/// The order of what `groupBy` gives for keys that were met in this order: they are collected in a mutable `HashMap`, whose
/// entries are then added to an immutable one.
pub(crate) fn of_group_by(keys: &[Option<&str>]) -> Vec<usize> {
    let met = of_mutable_map(keys);
    let walked: Vec<Option<&str>> = met.iter().map(|&at| keys[at]).collect();
    of_map(&walked).into_iter().map(|at| met[at]).collect()
}

/// `scala.collection.mutable.HashMap`: chained buckets, newest first, walked from the last bucket to the first.
fn of_mutable_map(keys: &[Option<&str>]) -> Vec<usize> {
    let mut table: Vec<Vec<usize>> = vec![Vec::new(); 16];
    for (at, key) in keys.iter().enumerate() {
        let bucket = bucket(*key, table.len());
        table[bucket].push(at);
        if at + 1 > table.len() * 3 / 4 {
            let mut larger: Vec<Vec<usize>> = vec![Vec::new(); table.len() * 2];
            // Chains are moved from the head on, so their order turns round.
            for moved in table.iter().rev().flat_map(|chain| chain.iter().rev()) {
                let bucket = self::bucket(keys[*moved], larger.len());
                larger[bucket].push(*moved);
            }
            table = larger;
        }
    }
    table
        .iter()
        .rev()
        .flat_map(|chain| chain.iter().rev().copied())
        .collect()
}

/// The hash of the table's first 16 buckets is rotated by four bits, whatever size it grows to.
const ROTATION: u32 = 4;

fn bucket(key: Option<&str>, buckets: usize) -> usize {
    let mixed = hash_of(key)
        .wrapping_mul(0x9e37_75cd)
        .swap_bytes()
        .wrapping_mul(0x9e37_75cd);
    let bits = buckets.trailing_zeros();
    (mixed.rotate_right(ROTATION) >> (32 - bits)) as usize
}

/// `immutable.HashMap.improve`.
const fn improved(hash: u32) -> u32 {
    let mut h = hash.wrapping_add(!(hash << 9));
    h ^= h >> 14;
    h = h.wrapping_add(h << 4);
    h ^ (h >> 10)
}

/// `String.hashCode`; 0 for null.
fn hash_of(key: Option<&str>) -> u32 {
    key.unwrap_or_default()
        .encode_utf16()
        .fold(0_u32, |hash, unit| {
            hash.wrapping_mul(31).wrapping_add(u32::from(unit))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The five statistics come in this order out of the original.
    #[test]
    fn five_names_are_in_the_order_of_the_trie() {
        let names = ["min", "max", "mean", "std", "count"].map(Some);
        let ordered: Vec<_> = of_map(&names)
            .into_iter()
            .filter_map(|at| names[at])
            .collect();
        assert_eq!(ordered, ["count", "mean", "min", "std", "max"]);
    }
}
