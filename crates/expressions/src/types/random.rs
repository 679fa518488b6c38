//! `java.util.Random`'s sequence and `java.util.UUID`.

use std::cell::Cell;
use std::cmp::Ordering;

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const MASK: u64 = (1 << 48) - 1;

/// The state of `new Random(seed)`.
pub(crate) fn scramble(seed: i64) -> u64 {
    (seed as u64 ^ MULTIPLIER) & MASK
}

/// `Random.next(bits)`
pub(crate) fn next(state: &Cell<u64>, bits: u32) -> i32 {
    let stepped = state.get().wrapping_mul(MULTIPLIER).wrapping_add(0xB) & MASK;
    state.set(stepped);
    (stepped >> (48 - bits)) as i32
}

/// `nextInt(bound)`; the bound is positive.
pub(crate) fn next_below(state: &Cell<u64>, bound: i32) -> i32 {
    let mut bits = next(state, 31);
    let mask = bound - 1;
    if bound & mask == 0 {
        return ((i64::from(bound) * i64::from(bits)) >> 31) as i32;
    }
    loop {
        let value = bits % bound;
        // Java's overflow test for an incomplete last run.
        if bits.wrapping_sub(value).wrapping_add(mask) >= 0 {
            return value;
        }
        bits = next(state, 31);
    }
}

/// `nextLong()`
pub(crate) fn next_long(state: &Cell<u64>) -> i64 {
    let high = i64::from(next(state, 32)) << 32;
    high.wrapping_add(i64::from(next(state, 32)))
}

/// `nextDouble()`
pub(crate) fn next_double(state: &Cell<u64>) -> f64 {
    let high = i64::from(next(state, 26)) << 27;
    (high + i64::from(next(state, 27))) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// `nextFloat()`
pub(crate) fn next_float(state: &Cell<u64>) -> f32 {
    next(state, 24) as f32 / (1 << 24) as f32
}

/// `nextGaussian()`, the first of each pair (Java caches the second; here every call draws anew).
pub(crate) fn next_gaussian(state: &Cell<u64>) -> f64 {
    loop {
        let a = 2.0 * next_double(state) - 1.0;
        let b = 2.0 * next_double(state) - 1.0;
        let square = a * a + b * b;
        if square < 1.0 && square != 0.0 {
            return a * (-2.0 * square.ln() / square).sqrt();
        }
    }
}

/// A random (version 4) UUID from 128 bits.
pub(crate) fn uuid_of(high: u64, low: u64) -> u128 {
    let high = high & !0xF000 | 0x4000;
    let low = low & (u64::MAX >> 2) | 1 << 63;
    u128::from(high) << 64 | u128::from(low)
}

/// `UUID.fromString`: five groups of hexadecimal digits, each possibly shorter than usual.
pub(crate) fn parse_uuid(text: &str) -> Option<u128> {
    let groups: Vec<&str> = text.split('-').collect();
    if groups.len() != 5 || text.len() > 36 {
        return None;
    }
    let mut id: u128 = 0;
    for (group, bits) in groups.iter().zip([32u32, 16, 16, 16, 48]) {
        if group.is_empty() || !group.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let value = u64::from_str_radix(group, 16).ok()?;
        id = id << bits | u128::from(value & (u64::MAX >> (64 - bits)));
    }
    Some(id)
}

/// `UUID.compareTo`: both halves as signed numbers.
pub(crate) fn compare_uuid(a: u128, b: u128) -> Ordering {
    let halves = |id: u128| ((id >> 64) as i64, id as i64);
    halves(a).cmp(&halves(b))
}
