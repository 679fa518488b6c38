//! Where a file of a kustomization is: a reference whose path can be exchanged.

/// How deep paths may be.
const DEPTH_MAX: usize = 60;

/// A reference, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Scheme, host and slash; empty for a plain path.
    origin: String,
    /// The path, without `.` and `..`.
    path: String,
    /// From the question mark on.
    query: String,
}

impl Place {
    /// Takes a reference apart; none when its path does not name a file, or leads up.
    pub(super) fn of(reference: &str) -> Option<Self> {
        let (origin, rest) = match reference.split_once("://") {
            Some((scheme, rest)) => {
                let (host, path) = rest.split_once('/')?;
                (format!("{scheme}://{host}/"), path)
            }
            None => (String::new(), reference),
        };
        let (path, query) = match rest.find(['?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        Some(Self {
            origin,
            path: clean(&[], path)?,
            query: query.to_owned(),
        })
    }

    /// What a file in the same folder calls `relative`.
    pub(super) fn beside(&self, relative: &str) -> Option<Self> {
        let mut folder: Vec<&str> = self.path.split('/').collect();
        folder.pop();
        Some(Self {
            path: clean(&folder, relative)?,
            ..self.clone()
        })
    }

    /// A file in this folder.
    pub(super) fn child(&self, name: &str) -> Self {
        Self {
            path: format!("{}/{name}", self.path),
            ..self.clone()
        }
    }

    pub(super) fn reference(&self) -> String {
        format!("{}{}{}", self.origin, self.path, self.query)
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the name looks like that of a file.
    pub(super) fn has_extension(&self) -> bool {
        self.name()
            .rsplit_once('.')
            .is_some_and(|(name, extension)| !name.is_empty() && !extension.is_empty())
    }
}

fn clean(folder: &[&str], relative: &str) -> Option<String> {
    let mut parts = folder.to_vec();
    if relative.contains(['\\', '\0']) || relative.starts_with('/') && !folder.is_empty() {
        return None;
    }
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty() && parts.len() <= DEPTH_MAX).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beside_each_other() {
        let place = Place::of("https://api.io/repos/o/r/contents/k8s/prod/kustomization.yml?ref=x")
            .unwrap();
        assert_eq!(place.name(), "kustomization.yml");
        let base = place.beside("../base").unwrap();
        assert_eq!(
            base.reference(),
            "https://api.io/repos/o/r/contents/k8s/base?ref=x"
        );
        assert!(!base.has_extension() && place.has_extension());
        assert_eq!(
            base.child("Kustomization").path(),
            "repos/o/r/contents/k8s/base/Kustomization"
        );
        assert_eq!(
            place.beside("./a//b.yml").unwrap().path(),
            "repos/o/r/contents/k8s/prod/a/b.yml"
        );
        for bad in [
            "../../../../../../../x",
            "/etc/passwd",
            "a\\b",
            "../../../../../..",
        ] {
            assert_eq!(place.beside(bad), None, "{bad}");
        }
        assert_eq!(Place::of("https://host"), None);
        assert_eq!(
            Place::of("s3://b/k/kustomization.yaml")
                .unwrap()
                .reference(),
            "s3://b/k/kustomization.yaml"
        );
    }
}
