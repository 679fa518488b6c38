//! The accounts of a worker.

use std::collections::BTreeMap;

use gennaker_runtime::{Clock, Scope};
use gennaker_settings::{Kubernetes, KubernetesAccount, SkippedAccount};

use crate::account::Account;
use crate::error::Error;
use crate::reads::Room;

/// All accounts that can be used, by name. Clones share them.
#[derive(Clone, Default)]
pub struct Accounts {
    by_name: BTreeMap<String, Account>,
    room: Room,
}

/// What accounts stand on.
#[derive(Clone)]
pub struct Options {
    /// The time.
    pub clock: Clock,
    /// Where the caches' watches run; they end with it.
    pub scope: Scope,
    /// The zone of this worker: accounts of another zone are left out. None: all accounts.
    pub zone: Option<String>,
    /// Who asks Google for the tokens of accounts with `oauth_service_account`. None: such accounts are left out.
    pub google: Option<gennaker_outbound::Client>,
}

impl Accounts {
    /// The accounts of the settings that this worker serves, and those that cannot be used. Opens no connection and reads no
    /// credentials: what is wrong with those shows at the first request.
    pub fn load(settings: &Kubernetes, options: &Options) -> (Accounts, Vec<SkippedAccount>) {
        let read = settings.read_accounts();
        let mut skipped = read.skipped;
        let mut by_name = BTreeMap::new();
        let ours = |account: &KubernetesAccount| match &options.zone {
            Some(zone) => account.is_in(zone),
            None => true,
        };
        for account in read.accounts.into_iter().filter(ours) {
            let name = account.name.clone();
            match Account::new(account, settings, options) {
                Ok(account) => {
                    by_name.insert(name, account);
                }
                Err(reason) => skipped.push(SkippedAccount { name, reason }),
            }
        }
        for ignored in &read.ignored {
            tracing::info!(
                "a setting of a Kubernetes account means nothing here and is passed over: {ignored}"
            );
        }
        for SkippedAccount { name, reason } in &skipped {
            tracing::error!(
                account = name,
                "the Kubernetes account {name} cannot be used: {reason}"
            );
        }
        let room = Room::default();
        (Accounts { by_name, room }, skipped)
    }

    /// An account.
    ///
    /// # Errors
    /// [`Error::UnknownAccount`]
    pub fn get(&self, name: &str) -> Result<&Account, Error> {
        self.by_name
            .get(name)
            .ok_or_else(|| Error::UnknownAccount(name.to_owned()))
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Account> {
        self.by_name.values()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Where answers of many objects are written.
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
