//! Names to paths.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::Error;

/// What is encoded in a path: all that a fragment may not hold (Igor encodes jobs by `UriUtils.encodeFragment`), and what would
/// end the path or change its meaning.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Longest name of a job, in bytes.
const NAME_BYTES_MAX: usize = 2_000;

/// The path of a job, without a slash at its ends.
pub(super) fn job(job: &str) -> Result<String, Error> {
    let job = job.trim_matches('/');
    Ok(format!("job/{}", encoded(job, "the name of a job")?))
}

/// The path of a file of a build.
pub(super) fn relative(path: &str) -> Result<String, Error> {
    encoded(path, "the path of a file")
}

/// The number of an item of the queue.
pub(super) fn item(item: &str) -> Result<u64, Error> {
    item.parse()
        .map_err(|_| Error::invalid(format!("{item:?} is not an item of Jenkins' queue")))
}

/// Whether an address that Jenkins gave is that of the job. Jenkins writes its own idea of its host, and of the path below which it
/// lies, so only what comes behind that is compared.
pub(super) fn is_job(address: &str, job: &str) -> bool {
    let Ok(url) = url::Url::parse(address) else {
        return false;
    };
    let path = percent_encoding::percent_decode_str(url.path()).decode_utf8_lossy();
    let path = path.trim_end_matches('/');
    let wanted = format!("/job/{}", job.trim_matches('/'));
    // Below a folder there may be another job of that name.
    path.strip_suffix(&wanted)
        .is_some_and(|before| !format!("{before}/").contains("/job/"))
}

fn encoded(path: &str, what: &str) -> Result<String, Error> {
    let wrong = |why: &str| Err(Error::invalid(format!("{what} {why}")));
    if path.is_empty() {
        return wrong("is missing");
    }
    if path.len() > NAME_BYTES_MAX {
        return wrong("is too long");
    }
    if path
        .split(['/', '\\'])
        .any(|part| part == "." || part == "..")
    {
        return wrong("has a part that leads elsewhere");
    }
    Ok(utf8_percent_encode(path, ENCODED).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_keep_their_slashes_and_lead_nowhere_else() {
        for (name, path) in [
            ("deploy", "job/deploy"),
            ("team/job/app/job/deploy", "job/team/job/app/job/deploy"),
            ("my job", "job/my%20job"),
            ("feature%2Fx", "job/feature%252Fx"),
            ("a?b#c", "job/a%3Fb%23c"),
            ("größe", "job/gr%C3%B6%C3%9Fe"),
        ] {
            assert_eq!(job(name).unwrap(), path);
        }
        for name in ["", "/", "a/../../script", "..", "a/..\\b"] {
            assert!(job(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_address_is_that_of_one_job() {
        for (address, name, is) in [
            ("http://ci/job/deploy/", "deploy", true),
            ("http://ci/jenkins/job/deploy/", "deploy", true),
            ("http://ci/job/team/job/deploy/", "deploy", false),
            ("http://ci/job/team/job/deploy/", "team/job/deploy", true),
            ("http://ci/job/my%20job/", "my job", true),
            ("http://ci/job/undeploy/", "deploy", false),
            ("garbage", "deploy", false),
        ] {
            assert_eq!(is_job(address, name), is, "{address} {name}");
        }
    }
}
