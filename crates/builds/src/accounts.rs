//! Accounts of services that build: those of clouds, which have no jobs and no queue and so are no [`BuildServer`]s.
//!
//! [`BuildServer`]: crate::BuildServer

use std::collections::BTreeMap;
use std::sync::Arc;

/// One account and what the settings say of it.
pub struct Account<S> {
    /// The name that stages use.
    pub name: String,
    /// The zone whose workers can reach it; `None`: all.
    pub zone: Option<String>,
    /// Roles by permission (`READ`, `WRITE`); nobody named: everybody. They count once there is sign-in.
    pub permissions: BTreeMap<String, Vec<String>>,
    /// The client.
    pub service: Arc<S>,
}

/// All accounts of one kind, by name.
pub struct Accounts<S>(BTreeMap<String, Account<S>>);

impl<S> Accounts<S> {
    /// These accounts; of two with one name the later one counts (the settings refuse that).
    #[must_use]
    pub fn new(accounts: impl IntoIterator<Item = Account<S>>) -> Self {
        let named = accounts.into_iter();
        Self(
            named
                .map(|account| (account.name.clone(), account))
                .collect(),
        )
    }

    /// The account with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Account<S>> {
        self.0.get(name)
    }

    /// All, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Account<S>> {
        self.0.values()
    }
}

impl<S> Clone for Account<S> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            zone: self.zone.clone(),
            permissions: self.permissions.clone(),
            service: Arc::clone(&self.service),
        }
    }
}

impl<S> Clone for Accounts<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> Default for Accounts<S> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}
