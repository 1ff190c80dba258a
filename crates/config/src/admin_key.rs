//! Checks the key for requests that change the server.

use super::secret::Secret;

/// Shortest and longest key in characters: long enough that nobody can guess it, and short enough for a header.
const SHORTEST: usize = 16;
const LONGEST: usize = 1024;

/// Adds a line for each fault; none shows the key.
pub(super) fn check(key: &Secret, faults: &mut Vec<String>) {
    let key = key.expose();
    if key.is_empty() {
        return;
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        faults.push("server.admin_key: holds a space or a character that is not ASCII; leave it out".into());
    }
    if !(SHORTEST..=LONGEST).contains(&key.len()) {
        let length = key.len();
        faults.push(format!(
            "server.admin_key: {length} characters; make it {SHORTEST} to {LONGEST}, as `openssl rand -hex 24` does"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_can_be_guessed_or_sent_in_no_header_is_a_fault_that_does_not_show_it() {
        for (key, told) in [
            ("", None),
            ("0123456789abcdef", None),
            ("hush-hush", Some("9 characters; make it 16 to 1024")),
            ("a key with spaces in it", Some("holds a space")),
            ("schlüssel-schlüssel", Some("not ASCII")),
        ] {
            let mut faults = Vec::new();
            check(&Secret::new(key), &mut faults);
            let fits = told.map_or(faults.is_empty(), |told| faults.len() == 1 && faults[0].contains(told));
            assert!(fits, "{key}: {faults:?}");
            assert!(key.is_empty() || faults.iter().all(|fault| !fault.contains(key)));
        }
    }
}
