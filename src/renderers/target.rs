//! Where a call's face goes, and that no two calls share a renderer. Pure.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

/// The protocol of a renderer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Live Link Face.
    LiveLink,
    /// VMC.
    Vmc,
}

impl Protocol {
    /// Its name in the configuration and the metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LiveLink => "live_link",
            Self::Vmc => "vmc",
        }
    }
}

/// One renderer of a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// Its protocol.
    pub protocol: Protocol,
    /// `host:port`.
    pub address: String,
    /// The name of the face in the renderer; empty for VMC.
    pub subject: String,
}

/// The renderers requested for a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Live Link Face, `host:port` each.
    pub live_link: Vec<String>,
    /// VMC, `host:port` each.
    pub vmc: Vec<String>,
    /// The name of the face; `{call}` in it is replaced by the first eight letters of the call's id.
    pub subject: String,
}

impl Wanted {
    /// The targets for this call.
    #[must_use]
    pub fn targets(&self, call: &str) -> Vec<Target> {
        let subject = self.subject.replace("{call}", call.get(..8).unwrap_or(call));
        let each = |protocol, addresses: &[String], subject: &str| {
            let target =
                |address: &String| Target { protocol, address: address.clone(), subject: subject.into() };
            addresses.iter().map(target).collect::<Vec<_>>()
        };
        let mut all = each(Protocol::LiveLink, &self.live_link, &subject);
        all.extend(each(Protocol::Vmc, &self.vmc, ""));
        all
    }
}

/// The renderers that currently show a call: each face in a renderer belongs to one call.
#[derive(Debug, Clone, Default)]
pub struct Claims(Arc<Mutex<HashSet<Target>>>);

/// A renderer that belongs to one call until this is dropped.
#[derive(Debug)]
pub struct Claim {
    claims: Claims,
    target: Target,
}

impl Claims {
    /// Claims a renderer; none if another call has it.
    #[must_use]
    pub fn take(&self, target: Target) -> Option<Claim> {
        let new = self.0.lock().insert(target.clone());
        new.then(|| Claim { claims: self.clone(), target })
    }
}

impl Claim {
    /// The claimed target.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.0.lock().remove(&self.target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_calls_share_a_face_of_a_renderer() {
        let claims = Claims::default();
        let of = |subject: &str, call: &str| {
            Wanted { live_link: vec!["a:1".into()], vmc: vec!["b:2".into()], subject: subject.into() }
                .targets(call)
        };
        let first: Vec<_> =
            of("Visavis", "0123456789").into_iter().filter_map(|target| claims.take(target)).collect();
        assert_eq!(first.len(), 2);
        assert!(of("Visavis", "abcdef0123").into_iter().all(|target| claims.take(target).is_none()));
        let named = of("Visavis {call}", "abcdef0123");
        assert_eq!(named[0].subject, "Visavis abcdef01");
        assert!(claims.take(named[0].clone()).is_some());
        drop(first);
        assert!(of("Visavis", "abcdef0123").into_iter().all(|target| claims.take(target).is_some()));
    }
}
