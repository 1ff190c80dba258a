//! Which ways the media of a section go.

use super::lines::Section;

/// Where media go, as its speaker says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::webrtc) enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    /// Whoever says this wants media.
    pub(in crate::webrtc) fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// Whoever says this has media to send.
    pub(in crate::webrtc) fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// The section's, else the session's, else both ways (RFC 8866, 6.7).
    pub(super) fn of(section: &Section<'_>, session: &Section<'_>) -> Self {
        let said = |section: &Section<'_>| {
            section.lines.iter().find_map(|line| match *line {
                "a=sendrecv" => Some(Self::SendRecv),
                "a=sendonly" => Some(Self::SendOnly),
                "a=recvonly" => Some(Self::RecvOnly),
                "a=inactive" => Some(Self::Inactive),
                _ => None,
            })
        };
        said(section).or_else(|| said(session)).unwrap_or(Self::SendRecv)
    }
}
