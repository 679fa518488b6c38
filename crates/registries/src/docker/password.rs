//! A password that a command prints, such as `aws ecr get-login-password` (Clouddriver's `passwordCommand`).

use std::process::Stdio;
use std::time::Duration;

use tokio::{
    io::AsyncReadExt as _,
    process,
    sync::Mutex,
    time::{Instant, timeout},
};

/// How long a password counts before the command is asked again: those of clouds last for an hour or more.
const KEPT: Duration = Duration::from_secs(300);

/// Longest time of a command.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Longest password, in bytes.
const BYTES_MAX: u64 = 64 << 10;

/// A command, and what it printed last.
pub(super) struct Printed {
    command: String,
    last: Mutex<Option<(Instant, String)>>,
}

impl Printed {
    pub(super) fn new(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            last: Mutex::default(),
        }
    }

    /// The password, without white space around it.
    ///
    /// # Errors
    /// A text for people, without what the command says: that may be the secret.
    pub(super) async fn read(&self) -> Result<String, String> {
        let mut last = self.last.lock().await;
        if let Some((at, password)) = &*last
            && at.elapsed() < KEPT
        {
            return Ok(password.clone());
        }
        let ran = timeout(TIME_MAX, self.run()).await;
        let password = ran.unwrap_or_else(|_| Err(format!("does not end within {TIME_MAX:?}")));
        let password = password.map_err(|problem| format!("the password_command {problem}"))?;
        *last = Some((Instant::now(), password.clone()));
        Ok(password)
    }

    async fn run(&self) -> Result<String, String> {
        let mut child = process::Command::new("sh")
            .args(["-c", &self.command])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot be run by sh: {error}"))?;
        let mut printed = String::new();
        let out = child.stdout.take().expect("it is piped");
        let read = out.take(BYTES_MAX).read_to_string(&mut printed).await;
        read.map_err(|_| "prints something that is no text".to_owned())?;
        if printed.len() as u64 == BYTES_MAX {
            return Err(format!("prints more than {BYTES_MAX} bytes"));
        }
        let ended = child.wait().await.map_err(|error| error.to_string())?;
        match printed.trim() {
            _ if !ended.success() => Err(format!("fails: {ended}")),
            "" => Err("prints nothing".to_owned()),
            password => Ok(password.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_is_asked_once_in_a_while_and_again_after_it_failed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, ran) = (folder.path().join("password"), folder.path().join("ran"));
        let command = format!("echo ran >> {}; cat {}", ran.display(), file.display());
        let printed = Printed::new(&command);
        let problem = printed.read().await.unwrap_err();
        assert_eq!(problem, "the password_command fails: exit status: 1");
        std::fs::write(&file, " \n").unwrap();
        let problem = printed.read().await.unwrap_err();
        assert_eq!(problem, "the password_command prints nothing");
        std::fs::write(&file, " p w\n").unwrap();
        for _ in 0..3 {
            assert_eq!(printed.read().await.unwrap(), "p w");
        }
        let runs = std::fs::read_to_string(&ran).unwrap();
        assert_eq!(runs.lines().count(), 3);
        let later = Instant::now().checked_sub(KEPT).unwrap();
        printed.last.lock().await.as_mut().unwrap().0 = later;
        std::fs::write(&file, "new").unwrap();
        assert_eq!(printed.read().await.unwrap(), "new");
    }

    #[tokio::test]
    async fn what_is_too_long_or_no_text_is_refused() {
        for (command, problem) in [
            ("yes", "prints more than 65536 bytes"),
            ("printf '\\377'", "prints something that is no text"),
            ("echo secretword; exit 3", "fails: exit status: 3"),
        ] {
            let said = Printed::new(command).read().await.unwrap_err();
            assert_eq!(said, format!("the password_command {problem}"));
        }
    }
}
