//! What the routes are for, in the order of the documentation. Pure.

/// What a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Topic {
    /// Texts as sound.
    Speech,
    /// Recordings as text, and texts over recordings.
    Recordings,
    /// Both, in the background.
    Jobs,
    /// The language model.
    Chats,
    /// Which voices there are.
    Voices,
    /// How calls begin and end.
    Calls,
    /// Faces.
    Faces,
    /// How the server and the way to it are.
    Server,
    /// Pages for people, and their files.
    Pages,
}

impl Topic {
    /// All, in order.
    pub(super) const ALL: [Self; 9] = [
        Self::Speech,
        Self::Recordings,
        Self::Jobs,
        Self::Chats,
        Self::Voices,
        Self::Calls,
        Self::Faces,
        Self::Server,
        Self::Pages,
    ];

    /// Its heading.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Speech => "Speech",
            Self::Recordings => "Recordings",
            Self::Jobs => "Jobs",
            Self::Chats => "Chats",
            Self::Voices => "Voices",
            Self::Calls => "Calls",
            Self::Faces => "Faces",
            Self::Server => "Server",
            Self::Pages => "Pages",
        }
    }

    /// A sentence on it.
    pub(super) fn description(self) -> &'static str {
        match self {
            Self::Speech => {
                "A text as a sound file, by the voices that answer calls. What was spoken once is kept."
            }
            Self::Recordings => "Recordings, of hours too, as text and subtitles, and known texts over them.",
            Self::Jobs => {
                "Many texts or recordings that nobody waits for, in a queue that survives a restart."
            }
            Self::Chats => "The language model that answers calls, by OpenAI's API.",
            Self::Voices => "The voices, samples of them, and voices cloned from a clip.",
            Self::Calls => "How a call begins, goes on and ends, over WebRTC or a WebSocket.",
            Self::Faces => "A text or a recording as sound and faces, and the face of a call.",
            Self::Server => "Health, what is ready, metrics, and what a page needs to test the network.",
            Self::Pages => "Pages for people.",
        }
    }
}
