//! Credentials and connections of one account.
//!
//! Nothing is opened before the first request. What was built from a file is built again when the file changed, when a client
//! certificate from an exec plugin ran out, and when the cluster does not know us any more. Tokens in files of their own, also
//! those of service accounts, are read again by the client library every minute.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gennaker_runtime::Clock;
use gennaker_settings::{KubernetesAccount, Secret};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::Error;
use crate::proxy;

/// How long a file is believed to be unchanged.
const FILE_CHECK_EVERY: Duration = Duration::from_secs(10);
/// Longest time until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest kubeconfig.
const KUBECONFIG_BYTES_MAX: u64 = 4 << 20;
/// A certificate is renewed so long before it ends.
const RENEW_BEFORE_MS: i64 = 30_000;
/// Most text of a program that failed, in bytes.
const PROGRAM_TEXT_MAX: usize = 2_000;

pub(crate) struct Connection {
    account: String,
    source: Source,
    context: Option<String>,
    allow_exec: bool,
    /// Requests bring who we are themselves.
    is_bare: bool,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    /// A client that is being made, perhaps by a program for credentials that takes its time. It outlives whoever began it, so that
    /// there is never more than one.
    opening: Option<Opening>,
}

struct Opening {
    making: JoinHandle<Result<Client, kube::Error>>,
    default_namespace: String,
    stamp: Option<Stamp>,
}

enum Source {
    File(PathBuf),
    Contents(Secret<String>),
    ServiceAccount,
}

/// A client, and what it was made of.
struct Open {
    client: Arc<Link>,
    stamp: Option<Stamp>,
    checked: Instant,
}

pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) default_namespace: String,
}

/// By what a changed file is known.
type Stamp = (SystemTime, u64);

impl Connection {
    pub(crate) fn new(settings: &KubernetesAccount, clock: Clock) -> Connection {
        // As in Clouddriver: the pod's own account wins over all, a file over contents.
        let source = match (&settings.kubeconfig_file, &settings.kubeconfig_contents) {
            _ if settings.service_account => Source::ServiceAccount,
            (Some(file), _) => Source::File(file.into()),
            (None, Some(contents)) => Source::Contents(contents.clone()),
            (None, None) => Source::ServiceAccount,
        };
        Connection {
            account: settings.name.clone(),
            source,
            context: settings.context.clone(),
            allow_exec: settings.allow_exec,
            is_bare: settings.oauth_service_account.is_some(),
            clock,
            state: Mutex::default(),
        }
    }

    /// The client, made now if there is none that holds.
    pub(crate) async fn link(&self) -> Result<Arc<Link>, Error> {
        let mut state = self.state.lock().await;
        if let Some(open) = state.open.as_mut()
            && self.still_holds(open).await
        {
            return Ok(Arc::clone(&open.client));
        }
        let opening = match &mut state.opening {
            Some(opening) => opening,
            none => none.insert(self.connect().await?),
        };
        let made = (&mut opening.making).await;
        let opening = state.opening.take();
        let client = made
            .map_err(|error| self.missing(error.to_string()))?
            .map_err(|error| self.missing(plain(&error)))?;
        let (default_namespace, stamp) = opening
            .map(|it| (it.default_namespace, it.stamp))
            .unwrap_or_default();
        let client = Arc::new(Link {
            client,
            default_namespace,
        });
        state.open = Some(Open {
            client: Arc::clone(&client),
            stamp,
            checked: Instant::now(),
        });
        Ok(client)
    }

    /// Forgets a client that the cluster refused, unless it was replaced meanwhile.
    pub(crate) async fn forget(&self, refused: &Arc<Link>) {
        let mut state = self.state.lock().await;
        let is_open = |open: &Open| Arc::ptr_eq(&open.client, refused);
        if state.open.as_ref().is_some_and(is_open) {
            state.open = None;
        }
    }

    async fn still_holds(&self, open: &mut Open) -> bool {
        if let Some(end) = open.client.client.valid_until()
            && self.clock.now_ms() + RENEW_BEFORE_MS >= end.as_millisecond()
        {
            return false;
        }
        if open.checked.elapsed() < FILE_CHECK_EVERY {
            return true;
        }
        open.checked = Instant::now();
        match &self.source {
            // While it cannot be read (it is being replaced), what was read before holds.
            Source::File(file) => stamp(file).await.is_none_or(|now| Some(now) == open.stamp),
            Source::Contents(_) | Source::ServiceAccount => true,
        }
    }

    async fn connect(&self) -> Result<Opening, Error> {
        let (config, stamp) = match &self.source {
            Source::ServiceAccount => {
                let config = Config::incluster().map_err(|error| self.no_credentials(&error))?;
                (config, None)
            }
            Source::File(file) => {
                let before = stamp(file).await;
                let text = self.read(file).await?;
                (self.of_kubeconfig(&text, file.parent()).await?, before)
            }
            Source::Contents(text) => (self.of_kubeconfig(text.expose(), None).await?, None),
        };
        Ok(Opening {
            default_namespace: config.default_namespace.clone(),
            making: make(config),
            stamp,
        })
    }

    async fn read(&self, file: &Path) -> Result<String, Error> {
        let say =
            |error: &dyn std::fmt::Display| self.missing(format!("{}: {error}", file.display()));
        let size = tokio::fs::metadata(file)
            .await
            .map_err(|error| say(&error))?
            .len();
        if size > KUBECONFIG_BYTES_MAX {
            return Err(say(&format!("it has {size} bytes")));
        }
        tokio::fs::read_to_string(file)
            .await
            .map_err(|error| say(&error))
    }

    async fn of_kubeconfig(&self, text: &str, folder: Option<&Path>) -> Result<Config, Error> {
        // The parser's own complaint may quote the file, and the file holds keys.
        let mut kubeconfig = Kubeconfig::from_yaml(text)
            .map_err(|_| self.missing("its kubeconfig is no kubeconfig".to_owned()))?;
        if let Some(folder) = folder {
            resolve_paths(&mut kubeconfig, folder);
        }
        let proxies = proxy::named(&kubeconfig);
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| self.no_credentials(&error))?;
        proxy::settle(&mut config, &proxies).map_err(|reason| self.missing(reason))?;
        if self.is_bare {
            // As kubectl with --token: nothing that the kubeconfig says of a user counts, and no program of its is run.
            config.auth_info = AuthInfo::default();
        }
        self.check(&config.auth_info)?;
        Ok(config)
    }

    /// A kubeconfig may name programs; only an operator's word makes us run them.
    fn check(&self, auth: &AuthInfo) -> Result<(), Error> {
        let runs = auth
            .exec
            .as_ref()
            .map(|exec| exec.command.clone().unwrap_or_default())
            .or_else(|| {
                let provider = auth.auth_provider.as_ref()?;
                provider.config.get("cmd-path").cloned()
            });
        match runs {
            Some(program) if !self.allow_exec => Err(self.missing(format!(
                "its kubeconfig names the program {program:?} for credentials; the setting allow_exec would let it run"
            ))),
            _ => Ok(()),
        }
    }

    fn no_credentials(&self, error: &(dyn std::error::Error + 'static)) -> Error {
        self.missing(chain(error))
    }

    fn missing(&self, reason: String) -> Error {
        Error::Credentials {
            account: self.account.clone(),
            reason,
        }
    }
}

/// Makes a client beside the runtime: an exec plugin is a program that is waited for.
fn make(mut config: Config) -> JoinHandle<Result<Client, kube::Error>> {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // Each call has a deadline of its own, and what is tried again is decided in one place.
    config.read_timeout = None;
    config.write_timeout = None;
    config.default_retry = false;
    let handle = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let _inside = handle.enter();
        Client::try_from(config)
    })
}

/// What an error of the client library says, without what a program for credentials printed: that is a token, at best.
pub(crate) fn plain(error: &kube::Error) -> String {
    match error {
        kube::Error::Auth(error) => plain_auth(error),
        other => chain(other),
    }
}

/// As [`plain`].
pub(crate) fn plain_auth(error: &kube::client::AuthError) -> String {
    match error {
        kube::client::AuthError::AuthExecRun { cmd, out } => {
            let text = String::from_utf8_lossy(&out.stderr);
            let text = text.trim();
            let text = &text[..text.floor_char_boundary(PROGRAM_TEXT_MAX)];
            format!("the program {cmd} ended with {}: {text}", out.status)
        }
        kube::client::AuthError::AuthExecParse(_) => {
            "the program for credentials printed none that can be read".to_owned()
        }
        other => chain(other),
    }
}

/// An error and its causes, each that says more than the one before.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// File names in a kubeconfig are meant from its own folder.
fn resolve_paths(kubeconfig: &mut Kubeconfig, folder: &Path) {
    let absolute = |path: &mut Option<String>| {
        if let Some(text) = path.as_mut()
            && !text.is_empty()
            && Path::new(text).is_relative()
        {
            *text = folder.join(&*text).to_string_lossy().into_owned();
        }
    };
    for cluster in kubeconfig
        .clusters
        .iter_mut()
        .filter_map(|it| it.cluster.as_mut())
    {
        absolute(&mut cluster.certificate_authority);
    }
    for user in kubeconfig
        .auth_infos
        .iter_mut()
        .filter_map(|it| it.auth_info.as_mut())
    {
        absolute(&mut user.client_certificate);
        absolute(&mut user.client_key);
        absolute(&mut user.token_file);
    }
}

async fn stamp(file: &Path) -> Option<Stamp> {
    let metadata = tokio::fs::metadata(file).await.ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
