//! Access tokens of a Google service account, in place of what a kubeconfig says of a user (`oAuthServiceAccount`). Spinnaker runs
//! `oauth2l` before each call of kubectl; here a token is kept until shortly before its end.

use std::path::PathBuf;

use gennaker_credentials::google::Identity;
use gennaker_settings::KubernetesAccount;
use http::HeaderValue;

use crate::accounts::Options;
use crate::error::Error;

/// What a token is good for unless the account says otherwise; clusters know service accounts by their e-mail addresses.
const SCOPES: &str =
    "https://www.googleapis.com/auth/cloud-platform https://www.googleapis.com/auth/userinfo.email";

/// One service account, as one account of a cluster.
pub(crate) struct Bearer {
    account: String,
    identity: Identity,
    scopes: String,
}

impl Bearer {
    /// That of an account; none when its kubeconfig says who we are.
    ///
    /// # Errors
    /// Nobody here asks for tokens.
    pub(crate) fn of(
        settings: &KubernetesAccount,
        options: &Options,
    ) -> Result<Option<Bearer>, String> {
        let Some(file) = &settings.oauth_service_account else {
            return Ok(None);
        };
        let client = options
            .google
            .clone()
            .ok_or("nobody here asks Google for the tokens of oauth_service_account")?;
        let scopes = match settings.oauth_scopes.is_empty() {
            true => SCOPES.to_owned(),
            false => settings.oauth_scopes.join(" "),
        };
        Ok(Some(Bearer {
            account: settings.name.clone(),
            identity: Identity::new(client, options.clock.clone(), Some(PathBuf::from(file))),
            scopes,
        }))
    }

    /// The value of `Authorization`.
    ///
    /// # Errors
    /// [`Error::Credentials`]: the key cannot be read, or Google gives no token for it.
    pub(crate) async fn header(&self) -> Result<HeaderValue, Error> {
        let missing = |reason: String| Error::Credentials {
            account: self.account.clone(),
            reason,
        };
        let token =
            self.identity.token(&self.scopes).await.map_err(|error| {
                missing(format!("no token of its oauth_service_account: {error}"))
            })?;
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| missing("the token of its oauth_service_account is none".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}
