//! What messages may advise about an API: which settings it has, and how its addresses look. Pure.

/// One API, as far as messages about its endpoint give advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backends) struct Advice {
    /// How its addresses look, to end a sentence that says to set one.
    pub(in crate::backends) address: &'static str,
    /// How its model is chosen.
    pub(in crate::backends) model: Models,
    /// It sends samples without a header as well, by the setting `format`.
    pub(in crate::backends) formats: bool,
}

/// How an endpoint's model is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backends) enum Models {
    /// By the setting `model`: one that the endpoint lists.
    Listed,
    /// By the setting `model`: one that stands elsewhere, for example this one.
    Named(&'static str),
    /// Where the endpoint is started: there is no such setting.
    Started,
}

impl Advice {
    /// An OpenAI-compatible API.
    pub(in crate::backends) const OPENAI: Self =
        Self { address: "usually one that ends in /v1", model: Models::Listed, formats: true };

    /// What to do about a model that the endpoint does not have; `section`: of the configuration.
    pub(in crate::backends) fn no_model(self, section: &str) -> String {
        match self.model {
            Models::Listed => format!("Set {section}.model to a name that it lists under /models"),
            Models::Named(example) => {
                format!("Set {section}.model to one that the account has, such as {example}")
            }
            Models::Started => "Start it with that model".into(),
        }
    }

    /// What to do about a key that may not do what it was used for.
    pub(in crate::backends) fn forbidden(self, section: &str) -> String {
        match self.model {
            Models::Listed | Models::Named(_) => {
                format!("Allow it there, or set {section}.model to another")
            }
            Models::Started => {
                format!("Allow it there, or set {section}.key or {section}.key_file to one that may")
            }
        }
    }
}
