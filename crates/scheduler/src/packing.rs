//! How records are stored: short ones as the JSON they are, longer ones compressed. Executions are repetitive; a fifth of the
//! bytes is a fifth of what the broker keeps in its caches, writes, and replicates.
//!
//! A packed record begins with a byte that no JSON text begins with, then its plain length (`u32`, little endian), then an LZ4
//! block.

use std::borrow::Cow;

/// Shorter records are stored as they are, in bytes.
const PACK_FROM: usize = 1024;

/// First byte of a packed record.
const PACKED: u8 = 1;

/// Bytes before the block.
const HEAD: usize = 5;

/// Longest plain record that is unpacked, in bytes: above every limit of what is written.
const PLAIN_MAX: usize = 64 * 1024 * 1024;

/// A record that is not what was written.
#[derive(Debug, thiserror::Error)]
#[error("the record is damaged: {0}")]
pub struct Damaged(String);

/// Packs a record, if that makes it shorter.
pub(crate) fn pack(plain: Vec<u8>) -> Vec<u8> {
    let Some(length) = u32::try_from(plain.len())
        .ok()
        .filter(|_| (PACK_FROM..=PLAIN_MAX).contains(&plain.len()))
    else {
        return plain;
    };
    let mut packed = vec![0; HEAD + lz4_flex::block::get_maximum_output_size(plain.len())];
    packed[0] = PACKED;
    packed[1..HEAD].copy_from_slice(&length.to_le_bytes());
    match lz4_flex::block::compress_into(&plain, &mut packed[HEAD..]) {
        Ok(written) if HEAD + written < plain.len() => {
            packed.truncate(HEAD + written);
            packed.shrink_to_fit();
            packed
        }
        Ok(_) | Err(_) => plain,
    }
}

/// The plain record.
///
/// # Errors
/// [`Damaged`]
pub(crate) fn unpack(stored: &[u8]) -> Result<Cow<'_, [u8]>, Damaged> {
    let Some((&PACKED, rest)) = stored.split_first() else {
        return Ok(Cow::Borrowed(stored));
    };
    let Some((length, block)) = rest.split_first_chunk::<4>() else {
        return Err(Damaged("it ends in its head".to_owned()));
    };
    let length = u32::from_le_bytes(*length) as usize;
    if length > PLAIN_MAX {
        return Err(Damaged(format!("it claims to have {length} bytes")));
    }
    lz4_flex::block::decompress(block, length)
        .map(Cow::Owned)
        .map_err(|error| Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_unpacks() {
        let text = br#"{"stage":"01M7ZA8GAH46P71QX4M2NJT000"},"#;
        for times in [0, 1, 25, 26, 27, 5_000] {
            let plain = text.repeat(times);
            let packed = pack(plain.clone());
            assert_eq!(unpack(&packed).unwrap(), plain);
            assert_eq!(packed.len() < plain.len(), plain.len() >= PACK_FROM);
        }
    }

    #[test]
    fn what_cannot_be_packed_stays() {
        // Every pair of bytes occurs once: nothing repeats.
        let plain: Vec<u8> = (0..=255_u8)
            .flat_map(|one| [one, one.wrapping_mul(167)])
            .collect();
        let plain = plain.repeat(2)[..PACK_FROM]
            .iter()
            .rev()
            .copied()
            .collect::<Vec<u8>>();
        assert_eq!(unpack(&pack(plain.clone())).unwrap(), plain);
    }

    #[test]
    fn a_damaged_record_is_an_error() {
        let packed = pack(b"{\"a\":1}".repeat(1_000));
        for cut in [1, 3, HEAD, packed.len() - 1] {
            assert!(unpack(&packed[..cut]).is_err(), "{cut}");
        }
        let mut huge = packed;
        huge[1..HEAD].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(unpack(&huge).is_err());
    }
}
