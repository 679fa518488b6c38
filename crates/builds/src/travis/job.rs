//! Names of jobs: a repository, or a part of its builds.

use crate::Error;

/// A job.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Job<'a> {
    /// `owner/name`.
    pub(super) slug: String,
    pub(super) part: Part<'a>,
}

/// Which builds of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    All,
    Branch(&'a str),
    PullRequest(&'a str),
    Tags,
}

impl<'a> Job<'a> {
    /// Reads a name as stages and triggers write it.
    pub(super) fn parse(name: &'a str) -> Result<Self, Error> {
        let mut parts = name.splitn(3, '/');
        let (owner, repository) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        if owner.is_empty() || repository.is_empty() {
            return Err(Error::invalid(format!(
                "a job of Travis is owner/repository, or owner/repository/branch, not {name:?}"
            )));
        }
        let part = match parts.next().unwrap_or_default() {
            "" => Part::All,
            tags if tags.eq_ignore_ascii_case("tags") => Part::Tags,
            branch => match branch.strip_prefix("pull_request_") {
                Some(branch) => Part::PullRequest(branch),
                None => Part::Branch(branch),
            },
        };
        Ok(Self {
            slug: format!("{owner}/{repository}"),
            part,
        })
    }

    /// The branch that a build is started of.
    pub(super) fn branch(&self) -> &'a str {
        match self.part {
            Part::All | Part::Tags => "master",
            Part::Branch(branch) | Part::PullRequest(branch) => branch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_repository_and_perhaps_a_part() {
        for (name, part, branch) in [
            ("o/r", Part::All, "master"),
            ("o/r/feature/x", Part::Branch("feature/x"), "feature/x"),
            ("o/r/tags", Part::Tags, "master"),
            ("o/r/pull_request_main", Part::PullRequest("main"), "main"),
        ] {
            let job = Job::parse(name).unwrap();
            assert_eq!(
                (job.slug.as_str(), job.part, job.branch()),
                ("o/r", part, branch)
            );
        }
        for bad in ["", "o", "o/", "/r"] {
            assert!(Job::parse(bad).is_err(), "{bad}");
        }
    }
}
