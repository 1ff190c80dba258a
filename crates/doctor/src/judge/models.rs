//! Whether the models are there and whole. Pure.

use crate::finding::Finding;

const NAME: &str = "models";

/// What looking for the models has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Whole {
        files: usize,
    },
    /// A file is missing, or the profile is not known.
    Missing(String),
    /// A file is not what the manifest says.
    Damaged(String),
}

pub(crate) fn judge(profile: &str, found: &Found) -> Finding {
    let fetch = format!("visavis models fetch --profile {profile}");
    match found {
        Found::Whole { files } => {
            Finding::ok(NAME, format!("the {files} files of profile {profile} are there and whole"))
        }
        Found::Missing(what) => {
            // What the server says at its start ends with the command.
            let what = what.split(". Fetch the models").next().unwrap_or_default();
            Finding::failed(
                NAME,
                what,
                format!("fetch them with `{fetch}`, or name others in the configuration"),
            )
        }
        Found::Damaged(what) => Finding::failed(NAME, what, format!("fetch it again with `{fetch}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    #[test]
    fn missing_and_damaged_models_name_the_command_that_fetches_them() {
        let missing = "missing: /m/a.gguf. Fetch the models with `visavis models fetch --profile tiny`";
        for (found, state, told) in [
            (Found::Whole { files: 7 }, State::Ok, "the 7 files of profile tiny are there and whole"),
            (Found::Missing(missing.into()), State::Failed, "missing: /m/a.gguf"),
            (Found::Damaged("/m/a is damaged".into()), State::Failed, "/m/a is damaged"),
        ] {
            let judged = judge("tiny", &found);
            assert_eq!((judged.state, judged.message.as_str()), (state, told));
            let command = "`visavis models fetch --profile tiny`";
            assert_eq!(judged.fix.is_some_and(|fix| fix.contains(command)), state == State::Failed);
        }
    }
}
