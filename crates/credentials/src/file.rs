//! Secrets in files, read anew at each use.

use std::path::Path;

use tokio::io::AsyncReadExt as _;

/// Longest file with a secret, in bytes.
const BYTES_MAX: u64 = 64 * 1024;

/// The text of a file, without white space at its end; it is never empty.
///
/// # Errors
/// A text for people that names the file and not its content.
pub async fn read(path: &Path) -> Result<String, String> {
    let failed = |error| format!("{} cannot be read: {error}", path.display());
    let opened = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut text = String::new();
    let mut limited = opened.take(BYTES_MAX + 1);
    limited.read_to_string(&mut text).await.map_err(failed)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(format!(
            "{} has more than {BYTES_MAX} bytes",
            path.display()
        ));
    }
    text.truncate(text.trim_end().len());
    if text.is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    Ok(text)
}
