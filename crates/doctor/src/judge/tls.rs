//! Whether browsers will take a certificate. Pure.

use crate::finding::{Finding, Problem};

const DAY: i64 = 86_400;
/// Authorities' clients renew a certificate with 30 days left or a third of its time; with fewer days left renewal has failed.
const SOON: i64 = 14 * DAY;

/// Which certificate it is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) name: &'static str,
    /// The setting of its file.
    pub(crate) cert: &'static str,
    /// That of its key.
    pub(crate) key: &'static str,
    /// By which names it must be good.
    pub(crate) names: Vec<String>,
    /// The server renews it by itself.
    pub(crate) is_ordered: bool,
}

/// Why there is no certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Of the certificate's file.
    Cert(String),
    /// Of the key's.
    Key(String),
    /// They do not fit each other.
    Unfit,
    /// Neither file is there.
    Neither,
}

/// A certificate whose key fits. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    pub(crate) names: Vec<String>,
    pub(crate) from: i64,
    pub(crate) until: i64,
    /// The same, for people.
    pub(crate) until_text: String,
    /// Why this system's authorities do not vouch for it.
    pub(crate) distrust: Option<String>,
    /// Everyone on this machine can read the key.
    pub(crate) is_key_open: bool,
}

pub(crate) fn judge(place: &Place, read: &Result<Certificate, Fault>, now: i64) -> Finding {
    let Place { name, cert, key, .. } = place;
    match read {
        Err(Fault::Neither) if place.is_ordered => {
            Finding::ok(*name, "there is no certificate yet: the server orders it when it starts")
        }
        Err(Fault::Neither) => Finding::failed(
            *name,
            format!("the files of {cert} and {key} are not there"),
            "name the certificate and its key, as docs/deployment.md says",
        ),
        Err(Fault::Cert(what)) => Finding::failed(
            *name,
            format!("{cert}: {what}"),
            format!("name a certificate in PEM that this user may read in {cert} (fullchain.pem)"),
        ),
        Err(Fault::Key(what)) => Finding::failed(
            *name,
            format!("{key}: {what}"),
            format!("name its key in PEM, without a password, that this user may read in {key}"),
        ),
        Err(Fault::Unfit) => Finding::failed(
            *name,
            format!("the key of {key} does not fit the certificate of {cert}: their public keys differ"),
            "name the key for which the certificate was ordered, or order one for this key",
        ),
        Ok(certificate) => {
            let days = (certificate.until - now) / DAY;
            let names = certificate.names.join(", ");
            let fine = format!("good for {names} until {} ({days} days)", certificate.until_text);
            Finding::of(*name, fine, problems(place, certificate, now))
        }
    }
}

fn problems(place: &Place, certificate: &Certificate, now: i64) -> Vec<Problem> {
    let Certificate { names, from, until, until_text, distrust, is_key_open } = certificate;
    let renew = if place.is_ordered {
        "see in the server's log why the authority does not renew it"
    } else {
        "renew it; the server takes the new files by itself"
    };
    let mut found = Vec::new();
    if now > *until {
        found.push(Problem::failed(format!("it expired at {until_text}: browsers refuse it"), renew));
    } else if until - now < SOON {
        found.push(Problem::warning(format!("it expires at {until_text}"), renew));
    }
    if now < *from {
        let fix = "set this machine's clock (timedatectl), if it is wrong";
        found.push(Problem::failed("it is not valid yet", fix));
    }
    let missing: Vec<&str> =
        place.names.iter().filter(|name| !covers(names, name)).map(String::as_str).collect();
    if names.is_empty() {
        found.push(Problem::failed(
            "it is for no name (it has no subjectAltName): browsers refuse it",
            "order one for the name by which the server is reached",
        ));
    } else if !missing.is_empty() {
        let missing = missing.join(", ");
        found.push(Problem::failed(
            format!("it is not for {missing}, by which the server is reached"),
            format!("order it for {missing} too, or take that name out of the configuration"),
        ));
    }
    if let Some(why) = distrust {
        found.push(Problem::warning(
            format!("this system's authorities do not vouch for it ({why})"),
            "put the certificates that lead to its authority's behind it (fullchain.pem); one of a private authority is for those who know that",
        ));
    }
    if *is_key_open {
        found.push(Problem::warning(
            format!("everyone on this machine can read the key ({})", place.key),
            "`chmod o= FILE` ends that",
        ));
    }
    found
}

/// Whether a certificate with these names is good for this one.
fn covers(names: &[String], wanted: &str) -> bool {
    let wanted = wanted.to_ascii_lowercase();
    names.iter().map(|name| name.to_ascii_lowercase()).any(|name| match name.strip_prefix("*.") {
        Some(parent) => {
            wanted.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && rest == parent)
        }
        None => name == wanted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;

    const NOW: i64 = 1_780_000_000;

    fn place() -> Place {
        let names = vec!["voice.example.org".to_owned()];
        Place { name: "tls", cert: "server.tls_cert", key: "server.tls_key", names, is_ordered: false }
    }

    fn good() -> Certificate {
        Certificate {
            names: vec!["Voice.example.org".into()],
            from: NOW - 10 * DAY,
            until: NOW + 80 * DAY,
            until_text: "some day".into(),
            distrust: None,
            is_key_open: false,
        }
    }

    #[test]
    fn each_thing_that_browsers_refuse_fails_and_the_rest_is_warned_of() {
        for (certificate, state, told) in [
            (good(), State::Ok, "80 days"),
            (Certificate { until: NOW - 1, ..good() }, State::Failed, "expired"),
            (Certificate { until: NOW + 5 * DAY, ..good() }, State::Warning, "expires at some day"),
            (Certificate { from: NOW + DAY, ..good() }, State::Failed, "not valid yet"),
            (Certificate { names: vec!["example.org".into()], ..good() }, State::Failed, "not for voice"),
            (Certificate { names: vec!["*.example.org".into()], ..good() }, State::Ok, "*.example.org"),
            (Certificate { names: Vec::new(), ..good() }, State::Failed, "for no name"),
            (Certificate { distrust: Some("unknown".into()), ..good() }, State::Warning, "vouch"),
            (Certificate { is_key_open: true, ..good() }, State::Warning, "read the key"),
        ] {
            let found = judge(&place(), &Ok(certificate), NOW);
            assert_eq!(found.state, state, "{found:?}");
            assert!(found.message.contains(told), "{told}: {found:?}");
        }
    }

    #[test]
    fn a_fault_names_the_setting_that_has_to_change() {
        for (fault, told) in [
            (Fault::Cert("is not there".into()), "server.tls_cert: is not there"),
            (Fault::Key("is encrypted".into()), "server.tls_key: is encrypted"),
            (Fault::Unfit, "server.tls_key does not fit"),
            (Fault::Neither, "are not there"),
        ] {
            let found = judge(&place(), &Err(fault), NOW);
            assert!(found.state == State::Failed && found.message.contains(told), "{found:?}");
        }
        let unnamed = Place { names: Vec::new(), ..place() };
        let nobodys = Certificate { names: Vec::new(), ..good() };
        assert_eq!(judge(&unnamed, &Ok(nobodys), NOW).state, State::Failed);
        let ordered = Place { is_ordered: true, ..place() };
        assert_eq!(judge(&ordered, &Err(Fault::Neither), NOW).state, State::Ok);
    }

    #[test]
    fn a_wildcard_is_for_one_label() {
        let names = ["*.example.org".to_owned()];
        for (wanted, covered) in [
            ("a.example.org", true),
            ("a.b.example.org", false),
            ("example.org", false),
            (".example.org", false),
        ] {
            assert_eq!(covers(&names, wanted), covered, "{wanted}");
        }
    }
}
