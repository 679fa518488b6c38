//! UUIDs as text. Nothing is drawn here: the bits come from the caller.

/// A UUID of this version with these bits, but for the six that say version and variant (RFC 9562).
#[must_use]
pub fn uuid(version: u8, bits: u128) -> String {
    let bits = (bits & !(0xf << 76)) | (u128::from(version & 0xf) << 76);
    let bits = (bits & !(0x3 << 62)) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    parts.map(|(from, to)| &hex[from..to]).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_variant_stand_in_their_places() {
        assert_eq!(uuid(4, 0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(8, u128::MAX), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        let bits = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff;
        assert_eq!(uuid(4, bits), "00112233-4455-4677-8899-aabbccddeeff");
    }
}
