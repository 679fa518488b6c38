//! Taking out what must not be stored or shown.

use serde_json::Value;

use crate::Manifest;

/// What stands in the place of a secret value.
pub const REDACTED: &str = "REDACTED";

/// Replaces the values of a Secret, in `data`, `stringData` and the annotation of what was applied last, by [`REDACTED`]; keys stay.
/// Takes `managedFields` away from every object. For whatever is persisted, shown or logged.
pub fn manifest(_manifest: &mut Manifest) {
    todo!()
}

/// Does so for every object anywhere within a value.
pub fn value(_value: &mut Value) {
    todo!()
}

/// Takes `metadata.managedFields` away.
pub fn strip_managed_fields(_manifest: &mut Manifest) {
    todo!()
}
