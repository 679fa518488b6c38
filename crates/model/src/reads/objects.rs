//! The written form of an answer of objects, made object by object.

use serde::Serialize;

use super::VERSION;

/// What stands beside the objects.
const ROOM_BESIDE: usize = 1_024;

/// An [`Answer`](super::Answer) with [`Reply::Objects`](super::Reply::Objects) as it is sent, of objects that are JSON already: the
/// same bytes as the written form of those types, without a tree of values in memory.
#[derive(Debug)]
pub struct ObjectsAnswer {
    written: Vec<u8>,
    is_empty: bool,
}

/// What follows the objects.
#[derive(Serialize)]
struct Rest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    age_ms: Option<u64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    troubles: &'a [(String, String)],
    left_out: u64,
}

impl ObjectsAnswer {
    /// Begins one with room for so many objects of so many bytes together.
    #[must_use]
    pub fn new(objects: usize, bytes: usize) -> Self {
        let begin = format!(r#"{{"v":{VERSION},"reply":{{"reply":"objects","objects":["#);
        let mut written = Vec::with_capacity(begin.len() + bytes + objects + ROOM_BESIDE);
        written.extend_from_slice(begin.as_bytes());
        Self {
            written,
            is_empty: true,
        }
    }

    /// Adds an object, which must be a value of JSON.
    pub fn push(&mut self, object: &[u8]) {
        if !self.is_empty {
            self.written.push(b',');
        }
        self.is_empty = false;
        self.written.extend_from_slice(object);
    }

    /// The answer, with what stands beside the objects.
    #[must_use]
    pub fn finish(
        mut self,
        age_ms: Option<u64>,
        troubles: &[(String, String)],
        left_out: u64,
    ) -> Vec<u8> {
        let rest = Rest {
            age_ms,
            troubles,
            left_out,
        };
        let rest = serde_json::to_string(&rest).expect("numbers and texts can be written");
        self.written.extend_from_slice(b"],");
        // It goes on within the same braces.
        self.written.extend_from_slice(&rest.as_bytes()[1..]);
        self.written.push(b'}');
        self.written
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::reads::{Answer, Reply};

    #[test]
    fn it_is_the_written_form_of_an_answer() {
        let pod = json!({"kind": "Pod", "metadata": {"name": "a, ]}"}});
        let troubles = vec![("secret".to_owned(), "\"forbidden\"".to_owned())];
        for (objects, age_ms, troubles) in [
            (vec![], None, vec![]),
            (vec![pod.clone()], Some(5), troubles),
            (vec![pod.clone(), pod], None, vec![]),
        ] {
            let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
            let mut answer = ObjectsAnswer::new(texts.len(), 0);
            for text in &texts {
                answer.push(text.as_bytes());
            }
            let written = answer.finish(age_ms, &troubles, 3);
            let same = Answer {
                v: VERSION,
                reply: Reply::Objects {
                    objects,
                    age_ms,
                    troubles,
                    left_out: 3,
                },
            };
            assert_eq!(written, serde_json::to_vec(&same).unwrap());
            assert_eq!(serde_json::from_slice::<Answer>(&written).unwrap(), same);
        }
    }
}
