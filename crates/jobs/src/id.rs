//! A job's id: whoever knows it may see, cancel and retry the job, so it is random and no list of ids is told.

use std::fmt;

use uuid::Uuid;

/// A job's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(Uuid);

impl JobId {
    /// An id that nobody has.
    #[must_use]
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// An id in its one form; none for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = Self(Uuid::try_parse(text).ok()?);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_form_that_names_no_other_folder() {
        let id = JobId::random();
        assert_eq!(JobId::parse(&id.to_string()), Some(id));
        assert_ne!(JobId::random(), id);
        let upper = id.to_string().to_ascii_uppercase() + "A";
        for text in ["", "..", "../../etc", "key", upper.as_str(), "67e55044-10b1-426f-9247-bb680e5fe0c8"] {
            assert_eq!(JobId::parse(text), None, "{text}");
        }
    }
}
