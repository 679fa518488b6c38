//! Who asks, and which accounts there are. Source: gate `AuthController`, `CredentialsController`, and the modules for
//! sign-in.

use super::{Does, Group, Whose, run, table};
use crate::clouds::accounts;
use crate::{auth, notifications};

/// Why none is stored.
const NO_ACCOUNTS: &str = "accounts stand in the settings";

pub(super) const GROUPS: &[Group] = &[
    Group {
        title: "Sign-in and users",
        whose: Whose::Gate,
        routes: table! {
            GET "/auth/user" "Who asks" Nothing run!(auth::user);
            GET "/auth/rawUser" "Who asks, as the server sees it" SignIn run!(auth::raw_user);
            GET "/auth/user/serviceAccounts" "Service accounts that the user may run pipelines as" ["application"] SignIn
                run!(notifications::service_accounts);
            GET "/auth/redirect" "Go to the web interface, after signing in" ["to"] SignIn run!(auth::redirect);
            GET "/auth/loggedOut" "What one sees after signing out" Nothing run!(auth::logged_out);
            GET "/auth/logout" "Sign out" Nothing run!(auth::logout);
            GET "/login" "Sign in; without a configured sign-in everybody is in" Nothing run!(auth::login);
            POST "/login" "Sign in with the form fields username and password" Nothing run!(auth::login);
            GET "/login/oauth2/code/{provider}" "Come back from a provider" Nothing run!(auth::login);
            POST "/auth/roles/sync" "Read everybody's roles again" Admin run!(auth::nothing_to_do);
            POST "/auth/deleteSessionCache" "End all sessions" Admin run!(auth::nothing_to_do);
            GET "/auth/apiTokens" "API tokens of the user" SignIn Does::Miss("API tokens");
            POST "/auth/apiTokens" "Make an API token" SignIn Does::Miss("API tokens");
            DELETE "/auth/apiTokens/{id}" "Revoke an API token" SignIn Does::Miss("API tokens");
            GET "/auth/apiTokens/{*rest}" "API tokens of others" Admin Does::Miss("API tokens");
        },
    },
    Group {
        title: "Accounts",
        whose: Whose::Gate,
        routes: table! {
            GET "/credentials" "Accounts" ["expand"] Nothing run!(accounts::list);
            GET "/credentials/{account}" "One account; an unknown one is an empty answer, as in Gate" Nothing run!(accounts::one);
            GET "/credentials/type/{type}" "Stored definitions of accounts" ["limit", "startingAccountName"] SignIn
                Does::Say("[]", NO_ACCOUNTS);
            POST "/credentials" "Store the definition of an account" Admin Does::Miss("stored account definitions");
            PUT "/credentials" "Replace the definition of an account" Admin Does::Miss("stored account definitions");
            DELETE "/credentials/{account}" "Delete the definition of an account" Admin
                Does::Miss("stored account definitions");
        },
    },
];
