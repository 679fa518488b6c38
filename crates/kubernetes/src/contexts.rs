//! What a kubeconfig offers, without connecting to anything.

use std::path::Path;

use kube::config::Kubeconfig;

/// The names of the contexts in a kubeconfig file, in its order.
///
/// # Errors
/// The file cannot be read, or is none; never what is in it.
pub fn contexts(file: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    // The parser's own complaint may quote the file, and the file holds keys.
    let read = Kubeconfig::from_yaml(&text).map_err(|_| "it is no kubeconfig".to_owned())?;
    Ok(read
        .contexts
        .into_iter()
        .map(|context| context.name)
        .collect())
}
