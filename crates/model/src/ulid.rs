//! ULIDs: 48 bits of time and 80 bits of anything, as 26 characters of Crockford's base 32.

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Number of characters of a ULID.
pub const LENGTH: usize = 26;

/// Writes a ULID from `time_ms` (epoch milliseconds, 48 bits are kept) and `random` (its low 80 bits are kept).
#[must_use]
pub fn encode(time_ms: i64, random: u128) -> String {
    let time = u128::try_from(time_ms.max(0)).unwrap_or(0) & ((1 << 48) - 1);
    let value = (time << 80) | (random & ((1 << 80) - 1));
    (0..LENGTH)
        .map(|index| {
            let shift = 5 * (LENGTH - 1 - index);
            let digit = usize::try_from((value >> shift) & 31).unwrap_or(0);
            char::from(ALPHABET[digit])
        })
        .collect()
}

/// Reads a ULID (upper or lower case) into its time in epoch milliseconds and its 80 other bits.
#[must_use]
pub fn decode(text: &str) -> Option<(i64, u128)> {
    if text.len() != LENGTH {
        return None;
    }
    let mut value: u128 = 0;
    for (index, byte) in text.bytes().enumerate() {
        let digit = digit_of(byte)?;
        if index == 0 && digit > 7 {
            return None;
        }
        value = (value << 5) | u128::from(digit);
    }
    let time = i64::try_from(value >> 80).ok()?;
    Some((time, value & ((1 << 80) - 1)))
}

fn digit_of(byte: u8) -> Option<u8> {
    let upper = byte.to_ascii_uppercase();
    ALPHABET
        .iter()
        .position(|letter| *letter == upper)
        .and_then(|index| u8::try_from(index).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for (time, random) in [
            (0, 0),
            (1_735_689_600_000, 42),
            ((1 << 48) - 1, (1 << 80) - 1),
        ] {
            let text = encode(time, random);
            assert_eq!(text.len(), LENGTH);
            assert_eq!(decode(&text), Some((time, random)));
            assert_eq!(decode(&text.to_lowercase()), Some((time, random)));
        }
    }

    #[test]
    fn later_sorts_later() {
        assert!(encode(1_000, u128::MAX) < encode(1_001, 0));
    }

    #[test]
    fn what_is_no_ulid_is_refused() {
        for text in [
            "",
            "01ARZ3NDEKTSV4RRFFQ69G5FA",
            "01ARZ3NDEKTSV4RRFFQ69G5FAU",
            "81ARZ3NDEKTSV4RRFFQ69G5FAV",
            "é1ARZ3NDEKTSV4RRFFQ69G5FA",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
