//! The child executions of a stage.
//!
//! A stage of type `pipeline` has one child, without a name. A stage that starts several names each, so that they can be told apart
//! before they have ids, and so that the same pipeline can be started twice. One without a name is written as it was before there
//! were several: as an object and not as a list.

use std::fmt;

use gennaker_model::{ExecutionId, command::ChildResult};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};

/// A child execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Child {
    /// Its id.
    pub execution: ExecutionId,
    /// Which of the stage's children it is; `None` where there is one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ChildResult>,
}

/// The children of one stage, in the order in which they were started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Children(Vec<Child>);

impl Child {
    /// Whether it has not ended yet, as far as its parent knows.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.result.is_none()
    }
}

impl Children {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Child] {
        &self.0
    }

    /// Adds a child, in place of an earlier one of the same name.
    pub(crate) fn link(&mut self, child: Child) {
        self.0.retain(|held| held.name != child.name);
        self.0.push(child);
    }

    /// The child with this id; without one, the only child.
    pub(crate) fn get_mut(&mut self, id: Option<&ExecutionId>) -> Option<&mut Child> {
        match id {
            Some(id) => self.0.iter_mut().find(|child| child.execution == *id),
            None => self.0.first_mut(),
        }
    }
}

impl Serialize for Children {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [child] if child.name.is_none() => child.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Children {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;

        impl<'de> Visitor<'de> for OneOrSeveral {
            type Value = Vec<Child>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a child execution or a list of them")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Child::deserialize(MapAccessDeserializer::new(map)).map(|child| vec![child])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list))
            }
        }

        deserializer.deserialize_any(OneOrSeveral).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn child(id: &str, name: Option<&str>) -> Child {
        Child {
            execution: ExecutionId::new(id).unwrap(),
            name: name.map(str::to_owned),
            result: None,
        }
    }

    fn read(written: Value) -> Children {
        serde_json::from_value(written).unwrap()
    }

    #[test]
    fn one_is_written_as_before_there_were_several() {
        let mut children = Children::default();
        children.link(child("A", None));
        let written = json!({"execution": "A"});
        assert_eq!(serde_json::to_value(&children).unwrap(), written);
        assert_eq!(read(written), children);
    }

    #[test]
    fn several_are_written_in_order_and_a_name_is_there_once() {
        let mut children = Children::default();
        for (id, name) in [("A", "web"), ("B", "db"), ("C", "web")] {
            children.link(child(id, Some(name)));
        }
        let written = json!([{"execution": "B", "name": "db"}, {"execution": "C", "name": "web"}]);
        assert_eq!(serde_json::to_value(&children).unwrap(), written);
        assert_eq!(read(written), children);
        assert_eq!(
            read(json!([{"execution": "B", "name": "db"}])).all().len(),
            1
        );
    }
}
