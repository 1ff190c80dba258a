//! The form of stored values: whose it is, by which version, and whether it is whole. Pure; nonces are passed in.
//!
//! A head of 8 bytes: `VVST`, the envelope's form, 0 or 1 (plain or encrypted), the version of what is in it (big-endian).
//! Plain: 8 bytes of a SHA-256 of all else, the body. Encrypted: the key's id, the nonce, the body with its tag. Both are
//! bound to the head and to a label, such as the call's id, so that no value can be taken for another call's.

use ring::digest;

use crate::cipher::{Cipher, KEY_ID, KeyId, Nonce};
use crate::error::ValueFault;

/// The envelope's form that is written, and the newest that is read.
pub(crate) const FORM: u8 = 1;

const MAGIC: &[u8; 4] = b"VVST";
const HEAD: usize = 8;
const CHECKSUM: usize = 8;
const PLAIN: u8 = 0;
const SEALED: u8 = 1;

/// What a value begins with.
struct Head {
    form: u8,
    kind: u8,
    version: u16,
}

impl Head {
    /// Reads the head of a value that this program's family wrote.
    fn read(bytes: &[u8]) -> Result<Self, ValueFault> {
        let Some((head, _)) = bytes.split_first_chunk::<HEAD>() else { return Err(ValueFault::Foreign) };
        let [a, b, c, d, form, kind, high, low] = *head;
        if [a, b, c, d] != *MAGIC {
            return Err(ValueFault::Foreign);
        }
        Ok(Self { form, kind, version: u16::from_be_bytes([high, low]) })
    }

    fn write(&self) -> [u8; HEAD] {
        let [a, b, c, d] = *MAGIC;
        let [high, low] = self.version.to_be_bytes();
        [a, b, c, d, self.form, self.kind, high, low]
    }

    /// Refuses what is newer than `own`.
    fn check(&self, own: &Self) -> Result<(), ValueFault> {
        let number = |head: &Self| (u32::from(head.form) << 16) | u32::from(head.version);
        if self.form > own.form || self.version > own.version {
            return Err(ValueFault::Newer { found: number(self), reads: number(own) });
        }
        Ok(())
    }
}

/// What is in an envelope, beside its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contents<'a> {
    /// The version of the body.
    pub(crate) version: u16,
    /// What it is, and whose.
    pub(crate) label: &'a str,
}

/// A value for a store, encrypted if there is a cipher; the nonce must be new.
pub(crate) fn write(cipher: Option<&Cipher>, nonce: Nonce, contents: Contents<'_>, body: &[u8]) -> Vec<u8> {
    let kind = if cipher.is_some() { SEALED } else { PLAIN };
    let head = Head { form: FORM, kind, version: contents.version }.write();
    let bound = bound(&head, contents.label);
    match cipher {
        None => [head.as_slice(), checksum(&bound, body).as_slice(), body].concat(),
        Some(cipher) => {
            let sealed = cipher.seal(nonce, &bound, body);
            [head.as_slice(), cipher.id().0.as_slice(), nonce.0.as_slice(), &sealed].concat()
        }
    }
}

/// The body of a value, whose version is at most that of `contents`.
pub(crate) fn read(
    cipher: Option<&Cipher>,
    contents: Contents<'_>,
    value: &[u8],
) -> Result<Vec<u8>, ValueFault> {
    let head = Head::read(value)?;
    head.check(&Head { form: FORM, kind: head.kind, version: contents.version })?;
    let bound = bound(&head.write(), contents.label);
    let rest = &value[HEAD..];
    match (head.kind, cipher) {
        (PLAIN, None) => {
            let (sum, body) =
                rest.split_first_chunk::<CHECKSUM>().ok_or(ValueFault::Corrupt("it is too short"))?;
            let whole = *sum == checksum(&bound, body);
            if whole { Ok(body.to_vec()) } else { Err(ValueFault::Corrupt("its checksum does not fit")) }
        }
        (PLAIN, Some(_)) => Err(ValueFault::NotEncrypted),
        (SEALED, cipher) => unseal(cipher, &bound, rest),
        _ => Err(ValueFault::Corrupt("it is neither plain nor encrypted")),
    }
}

fn unseal(cipher: Option<&Cipher>, bound: &[u8], rest: &[u8]) -> Result<Vec<u8>, ValueFault> {
    let short = ValueFault::Corrupt("it is too short");
    let (id, rest) = rest.split_first_chunk::<KEY_ID>().ok_or(short.clone())?;
    let (nonce, sealed) = rest.split_first_chunk::<{ Nonce::LENGTH }>().ok_or(short)?;
    let found = KeyId(*id);
    let Some(cipher) = cipher else { return Err(ValueFault::NoKey { found: found.to_string() }) };
    if cipher.id() != found {
        return Err(ValueFault::OtherKey { found: found.to_string(), own: cipher.id().to_string() });
    }
    let body = cipher.open(Nonce(*nonce), bound, sealed);
    body.ok_or(ValueFault::Corrupt("it was changed since it was encrypted"))
}

/// Whether a stored value may be replaced by another one: not if another program or a newer version wrote it.
pub(crate) fn may_replace(old: &[u8], new: &[u8]) -> Result<(), ValueFault> {
    Head::read(old)?.check(&Head::read(new)?)
}

fn bound(head: &[u8; HEAD], label: &str) -> Vec<u8> {
    [head.as_slice(), label.as_bytes()].concat()
}

fn checksum(bound: &[u8], body: &[u8]) -> [u8; CHECKSUM] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(bound);
    context.update(b"\0");
    context.update(body);
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&context.finish().as_ref()[..CHECKSUM]);
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWN: Contents<'static> = Contents { version: 3, label: "context:one" };
    const NONCE: Nonce = Nonce([7; Nonce::LENGTH]);

    fn ciphers() -> [Option<Cipher>; 2] {
        [None, Some(Cipher::new(&[1; 32]))]
    }

    #[test]
    fn a_value_is_read_back_with_and_without_a_key_and_encrypted_it_shows_nothing() {
        for cipher in ciphers() {
            let value = write(cipher.as_ref(), NONCE, OWN, b"hello");
            assert_eq!(read(cipher.as_ref(), OWN, &value), Ok(b"hello".to_vec()));
            assert_eq!(value.windows(5).any(|five| five == b"hello"), cipher.is_none());
            let older = Contents { version: 4, ..OWN };
            assert_eq!(read(cipher.as_ref(), older, &value), Ok(b"hello".to_vec()), "it was version 3");
        }
    }

    #[test]
    fn a_value_of_another_call_key_version_or_program_is_refused_with_the_difference() {
        for cipher in ciphers() {
            let value = write(cipher.as_ref(), NONCE, OWN, b"hello");
            let other = Contents { label: "context:two", ..OWN };
            assert!(matches!(read(cipher.as_ref(), other, &value), Err(ValueFault::Corrupt(_))));
            let old = Contents { version: 2, ..OWN };
            let newer = Err(ValueFault::Newer { found: 0x1_0003, reads: 0x1_0002 });
            assert_eq!(read(cipher.as_ref(), old, &value), newer);
            assert_eq!(read(cipher.as_ref(), OWN, b"{\"theirs\":true}"), Err(ValueFault::Foreign));
            assert_eq!(read(cipher.as_ref(), OWN, b""), Err(ValueFault::Foreign));
        }
        let [_, cipher] = ciphers();
        let sealed = write(cipher.as_ref(), NONCE, OWN, b"hello");
        let told = read(None, OWN, &sealed).unwrap_err().to_string();
        assert!(told.contains("set that key in store.key"), "{told}");
        let wrong = read(Some(&Cipher::new(&[2; 32])), OWN, &sealed);
        assert!(matches!(wrong, Err(ValueFault::OtherKey { .. })), "{wrong:?}");
        let plain = write(None, NONCE, OWN, b"hello");
        assert_eq!(read(cipher.as_ref(), OWN, &plain), Err(ValueFault::NotEncrypted));
    }

    #[test]
    fn what_another_program_or_a_newer_version_wrote_may_not_be_replaced() {
        let of = |version| write(None, NONCE, Contents { version, ..OWN }, b"x");
        assert_eq!(may_replace(&of(3), &of(3)), Ok(()));
        assert_eq!(may_replace(&of(2), &of(3)), Ok(()));
        assert!(matches!(may_replace(&of(4), &of(3)), Err(ValueFault::Newer { .. })));
        assert_eq!(may_replace(b"theirs", &of(3)), Err(ValueFault::Foreign));
        // A damaged one of ours may.
        let mut damaged = of(3);
        damaged.truncate(HEAD + 1);
        assert_eq!(may_replace(&damaged, &of(3)), Ok(()));
    }

    proptest! {
        #[test]
        fn a_changed_value_is_never_taken_for_another_body(at in 0usize..64, bits in 1u8.., sealed in any::<bool>()) {
            let [plain, cipher] = ciphers();
            let cipher = if sealed { cipher } else { plain };
            let mut value = write(cipher.as_ref(), NONCE, OWN, b"what was said");
            let at = at % value.len();
            value[at] ^= bits;
            prop_assert!(read(cipher.as_ref(), OWN, &value).is_err());
        }

        #[test]
        fn any_bytes_are_refused_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let [_, cipher] = ciphers();
            prop_assert!(read(cipher.as_ref(), OWN, &bytes).is_err());
            prop_assert!(read(None, OWN, &[&b"VVST\x01\x00\x00\x03"[..], &bytes].concat()).is_err());
        }
    }
}
