//! Where results lie: the accounts of storage, as operators name them.

use gennaker_store::{CanaryGroup, CanaryObjects, ObjectError};

use crate::question::Trouble;

/// An account of storage.
#[derive(Clone)]
pub struct Storage {
    /// Its name.
    pub name: String,
    /// Its type, as lists of accounts say it: `s3`, or `gennaker` for the broker.
    pub kind: &'static str,
    /// The bucket and the folder in it, for lists of accounts; none for the broker.
    pub place: Option<(String, String)>,
    /// What lies there.
    pub objects: CanaryObjects,
}

/// The accounts of storage, in their order: without a name the first is taken.
#[derive(Clone)]
pub struct Storages(Vec<Storage>);

impl Storages {
    /// These accounts.
    #[must_use]
    pub fn new(storages: impl IntoIterator<Item = Storage>) -> Self {
        Self(storages.into_iter().collect())
    }

    pub(crate) fn all(&self) -> &[Storage] {
        &self.0
    }

    /// Kayenta's `AccountCredentialsRepository`: a name must exist.
    pub(crate) fn resolve(&self, name: Option<&str>) -> Result<&Storage, String> {
        match name {
            Some(name) => self
                .0
                .iter()
                .find(|storage| storage.name == name)
                .ok_or_else(|| format!("Unable to resolve account {name}.")),
            None => self
                .0
                .first()
                .ok_or_else(|| "Unable to resolve account of type OBJECT_STORE.".to_owned()),
        }
    }
}

impl Storage {
    /// Stores a document.
    pub(crate) async fn keep(
        &self,
        group: CanaryGroup,
        id: &str,
        content: Vec<u8>,
        now_ms: i64,
    ) -> Result<(), Trouble> {
        let put = self.objects.put(group, id, None, content.into(), now_ms);
        put.await.map_err(|error| self.trouble("kept", &error))
    }

    fn trouble(&self, what: &str, error: &ObjectError) -> Trouble {
        let mut said = format!(
            "the results cannot be {what} in the storage account {}: {error}",
            self.name
        );
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            said = format!("{said}: {error}");
            cause = error.source();
        }
        match error.is_transient() {
            true => Trouble::Later(said),
            false => Trouble::Never(said),
        }
    }
}
