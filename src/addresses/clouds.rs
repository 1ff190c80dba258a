//! How the metadata service of each cloud is asked for the outer address, and what its answers mean. Pure.

use std::net::IpAddr;

use serde_json::Value;

use crate::config::Metadata;

/// One thing to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// Behind the service's address.
    pub(super) path: &'static str,
    /// The header without which the service refuses.
    pub(super) header: (&'static str, &'static str),
    pub(super) form: Form,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// An address, or nothing.
    Text,
    /// Azure's load balancer, with the addresses at its front.
    LoadBalancer,
}

/// Where a session is begun, whose token further questions bear (IMDSv2).
pub(super) struct Session {
    pub(super) path: &'static str,
    pub(super) header: (&'static str, &'static str),
    /// The header that bears the token.
    pub(super) token: &'static str,
}

/// The session that a cloud asks for, if it does.
pub(super) fn session(cloud: Metadata) -> Option<Session> {
    (cloud == Metadata::Aws).then_some(Session {
        path: "/latest/api/token",
        header: ("x-aws-ec2-metadata-token-ttl-seconds", "60"),
        token: "x-aws-ec2-metadata-token",
    })
}

/// What is asked of a cloud, until something has an address.
pub(super) fn questions(cloud: Metadata) -> Vec<Question> {
    let question = |path, header| Question { path, header, form: Form::Text };
    match cloud {
        Metadata::None => Vec::new(),
        Metadata::Aws => vec![question("/latest/meta-data/public-ipv4", ("accept", "text/plain"))],
        Metadata::Gcp => vec![question(
            "/computeMetadata/v1/instance/network-interfaces/0/access-configs/0/external-ip",
            ("metadata-flavor", "Google"),
        )],
        Metadata::Azure => vec![
            question(
                "/metadata/instance/network/interface/0/ipv4/ipAddress/0/publicIpAddress?api-version=2021-02-01&format=text",
                ("metadata", "true"),
            ),
            // Addresses of the standard kind are told here alone.
            Question {
                path: "/metadata/loadbalancer?api-version=2020-10-01",
                header: ("metadata", "true"),
                form: Form::LoadBalancer,
            },
        ],
    }
}

/// The addresses of an answer; none if it has none.
///
/// # Errors
/// If it is something else: what.
pub(super) fn addresses(form: Form, body: &str) -> Result<Vec<IpAddr>, String> {
    match form {
        Form::Text if body.trim().is_empty() => Ok(Vec::new()),
        Form::Text => Ok(vec![address(body)?]),
        Form::LoadBalancer => {
            let body: Value = serde_json::from_str(body).map_err(|_| not_one(body))?;
            let front = body["loadbalancer"]["publicIpAddresses"].as_array().cloned().unwrap_or_default();
            front.iter().filter_map(|one| one["frontendIpAddress"].as_str()).map(address).collect()
        }
    }
}

fn address(text: &str) -> Result<IpAddr, String> {
    let ip = text.trim().trim_matches(['[', ']']).parse::<IpAddr>().map_err(|_| not_one(text))?;
    let is_somebody = !ip.is_unspecified() && !ip.is_multicast() && !ip.is_loopback();
    if is_somebody { Ok(ip) } else { Err(not_one(text)) }
}

fn not_one(text: &str) -> String {
    let beginning: String = text.trim().chars().take(40).collect();
    format!("it answers {beginning:?}, which is no address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_an_address_or_nothing_or_a_fault() {
        let ips =
            |texts: &[&str]| -> Vec<IpAddr> { texts.iter().map(|text| text.parse().unwrap()).collect() };
        for (form, body, expected) in [
            (Form::Text, "203.0.113.5\n", Some(ips(&["203.0.113.5"]))),
            (Form::Text, "", Some(Vec::new())),
            (Form::Text, "<html>Please log in</html>", None),
            (Form::Text, "0.0.0.0", None),
            (
                Form::LoadBalancer,
                r#"{"loadbalancer":{"publicIpAddresses":[{"frontendIpAddress":"203.0.113.5","privateIpAddress":"10.0.0.4"},
                    {"frontendIpAddress":"[2001:db8::5]","privateIpAddress":"[fd00::4]"}],"inboundRules":[]}}"#,
                Some(ips(&["203.0.113.5", "2001:db8::5"])),
            ),
            (Form::LoadBalancer, r#"{"loadbalancer":{"publicIpAddresses":[]}}"#, Some(Vec::new())),
            (Form::LoadBalancer, "{}", Some(Vec::new())),
            (Form::LoadBalancer, "no JSON", None),
        ] {
            let found = addresses(form, body);
            assert_eq!(found.clone().ok(), expected, "{body}: {found:?}");
        }
    }

    #[test]
    fn each_cloud_that_can_be_configured_is_asked_something() {
        for cloud in [Metadata::Aws, Metadata::Gcp, Metadata::Azure] {
            assert!(questions(cloud).iter().all(|question| question.path.starts_with('/')));
            assert!(!questions(cloud).is_empty());
        }
        assert!(questions(Metadata::None).is_empty());
    }
}
