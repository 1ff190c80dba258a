//! The direction of a section's media.

use super::lines::Section;

/// The direction of media, as seen by the side that wrote the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::webrtc) enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    /// Whether that side wants media.
    pub(in crate::webrtc) fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// Whether that side has media to send.
    pub(in crate::webrtc) fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// The section's direction, else the session's, else both ways (RFC 8866, 6.7).
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
