//! `judgeConfigurations` of the second judge: ours, so a wrong value is an error.

use crate::{
    Error,
    read::{Kind, Members, Part},
};

/// How the judge decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Policy {
    /// The chance that a canary without any difference is failed, at any look.
    pub(super) alpha: f64,
    /// The relative effect whose time to be seen is estimated.
    pub(super) effect: f64,
    pub(super) undecided: Undecided,
}

/// How an undecided metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecided {
    Pass,
    Fail,
    Nodata,
}

impl Policy {
    pub(super) fn read(text: Option<&str>) -> Result<Self, Error> {
        let mut policy = Self {
            alpha: 0.05,
            effect: 0.1,
            undecided: Undecided::Pass,
        };
        let part = text
            .map(|text| Part::of(text, "judgeConfigurations"))
            .transpose()?;
        let Some(members) = part.map_or(Ok(None), |part| part.members())? else {
            return Ok(policy);
        };
        let refuse = |text: &str| Error::Configuration(text.to_owned());
        if let Some(alpha) = number(&members, "alpha")? {
            if !(alpha > 0.0 && alpha < 1.0) {
                return Err(refuse("alpha must lie between 0 and 1"));
            }
            policy.alpha = alpha;
        }
        if let Some(effect) = number(&members, "effect")? {
            if !(effect > 0.0 && effect.is_finite()) {
                return Err(refuse("effect must be above 0"));
            }
            policy.effect = effect;
        }
        if let Some(part) = members.get("undecided") {
            policy.undecided = match part.text()?.as_deref() {
                None | Some("pass") => Undecided::Pass,
                Some("fail") => Undecided::Fail,
                Some("nodata") => Undecided::Nodata,
                Some(_) => return Err(refuse("undecided must be pass, fail or nodata")),
            };
        }
        Ok(policy)
    }
}

fn number(members: &Members<'_>, name: &str) -> Result<Option<f64>, Error> {
    match members.get(name) {
        Some(part) if !matches!(part.kind(), Kind::Number | Kind::Null) => {
            Err(Error::Configuration(format!("{name} must be a number")))
        }
        Some(part) => part.double(),
        None => Ok(None),
    }
}
