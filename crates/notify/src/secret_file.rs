//! Files that hold one secret, read at use: a renewed one counts from the next call on.

use std::path::Path;

/// Largest secret in bytes.
pub(crate) const SECRET_BYTES_MAX: usize = 16 * 1024;

/// What the file holds, without white space at its end.
///
/// # Errors
/// What is wrong with the file: a sentence that goes on after its name. It never holds what is in it.
pub(crate) async fn read(file: &Path) -> Result<String, String> {
    let bytes = tokio::fs::read(file)
        .await
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > SECRET_BYTES_MAX {
        return Err(format!("has more than {SECRET_BYTES_MAX} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let value = text.trim_end();
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err("holds nothing that can stand in a header".to_owned());
    }
    Ok(value.to_owned())
}
