//! Who asks, and whether they may.
//!
//! As long as no sign-in can be configured, everybody is `anonymous` and may do everything, as in a Gate without one: whatever
//! clients send to sign in with (`Authorization`, `X-Spinnaker-Token`, a session cookie, `X-SPINNAKER-USER`) is accepted and
//! counts for nothing. What each route will ask for stands in the table of routes already, and every request passes
//! [`admit`], so that a sign-in has one place to decide in.
//!
//! Source: gate `AnonymousConfig`, and the method security of Front50 and Orca.

use axum::http::HeaderMap;

use crate::problem::Problem;

/// What a route asks of whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: it answers also those who are not signed in.
    Nothing,
    /// To be signed in.
    SignIn,
    /// READ on the application that it is about: the one in the path, or that of the execution or document.
    Read,
    /// READ on the application of each thing in a list; others are left out.
    ReadEach,
    /// WRITE on the application that it is about.
    Write,
    /// EXECUTE on the application that it is about.
    Execute,
    /// What the jobs of the task need: CREATE or WRITE on an application, WRITE on an account.
    Jobs,
    /// To be an administrator.
    Admin,
}

impl Needs {
    /// The words for people.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::SignIn => "sign-in",
            Self::Read => "READ",
            Self::ReadEach => "READ of each",
            Self::Write => "WRITE",
            Self::Execute => "EXECUTE",
            Self::Jobs => "what the jobs need",
            Self::Admin => "administrator",
        }
    }
}

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    user: String,
    rights: Rights,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rights {
    /// Everything, because nobody is asked who they are.
    All,
}

impl Caller {
    /// Who sends a request with these headers.
    pub(crate) fn of(_headers: &HeaderMap) -> Self {
        Self {
            user: "anonymous".to_owned(),
            rights: Rights::All,
        }
    }

    /// The name under which what is done is recorded.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }
}

/// Lets a request through, or says what is missing.
///
/// # Errors
/// 403, or 401 for who is not signed in; neither while everybody may do everything.
pub(crate) const fn admit(caller: &Caller, _needs: Needs) -> Result<(), Problem> {
    match caller.rights {
        Rights::All => Ok(()),
    }
}
