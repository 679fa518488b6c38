//! `account list|get|whoami`. spin decodes the answers into structures that know some of the fields, leaves out what is empty,
//! and prints them in the order of their fields, which is alphabetical.

use serde_json::{Map, Value};

use super::{Done, Said, Spin, args::AccountCommand, decoded};
use crate::text::encode;

/// `gateapi/model_account.go`.
const ACCOUNT: &[&str] = &[
    "accountId",
    "name",
    "permissions",
    "requiredGroupMembership",
    "type",
];

/// `gateapi/model_account_details.go`.
const DETAILS: &[&str] = &[
    "accountId",
    "accountType",
    "challengeDestructiveActions",
    "cloudProvider",
    "environment",
    "name",
    "permissions",
    "primaryAccount",
    "requiredGroupMembership",
    "type",
];

/// `gateapi/model_user.go`.
const USER: &[&str] = &[
    "accountNonExpired",
    "accountNonLocked",
    "allowedAccounts",
    "authorities",
    "credentialsNonExpired",
    "email",
    "enabled",
    "firstName",
    "lastName",
    "roles",
    "username",
];

impl Spin<'_> {
    pub(super) async fn account(&mut self, command: AccountCommand) -> Done {
        match command {
            AccountCommand::List { expand, .. } => {
                let list = self
                    .document("GET", &format!("/credentials?expand={expand}"), None)
                    .await?;
                let shown = match list {
                    Value::Array(accounts) if !expand => Value::Array(
                        accounts
                            .iter()
                            .map(|account| known(account, ACCOUNT))
                            .collect(),
                    ),
                    other => other,
                };
                self.ui.document(&shown);
            }
            AccountCommand::Get { names } => {
                let name = self.argument(&names)?;
                let path = format!("/credentials/{}", encode(&name));
                let response = self.any("GET", &path, None).await?;
                match response.status {
                    200 => {}
                    404 => return Err(Said::new(format!("Account '{name}' not found"))),
                    status => {
                        let text =
                            format!("Encountered an error getting account, status code: {status}");
                        return Err(Said::about(&response, text));
                    }
                }
                let account = decoded(&response)?;
                if account.is_null() {
                    // Gate answers an unknown account with an empty 200 (`CredentialsController`).
                    return Err(Said::new(format!("Account '{name}' not found")));
                }
                self.ui.document(&known(&account, DETAILS));
            }
            AccountCommand::Whoami { .. } => {
                let user = self.document("GET", "/auth/user", None).await?;
                self.ui.document(&known(&user, USER));
            }
        }
        Ok(())
    }
}

/// The fields that spin knows, without the empty ones (`omitempty`).
fn known(document: &Value, fields: &[&str]) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    };
    let kept: Map<String, Value> = fields
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), document.get(*field)?.clone())))
        .filter(|(_, value)| !is_empty(value))
        .collect();
    Value::Object(kept)
}
