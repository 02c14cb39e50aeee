//! What a service account shows for a token: a statement that it has signed itself.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use backstop_core::{Error, ErrorKind, Secret};
use serde_json::json;

/// What the tokens are for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// For how long a statement is good, in seconds. Longer ones are refused.
const LIFETIME: u64 = 3600;

const URL_LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A service account that can sign.
pub(super) struct Signer {
    key: RsaKeyPair,
    key_id: Option<String>,
    email: String,
    audience: String,
}

impl Signer {
    /// The account with this key, in PEM, and this address, for tokens from `audience`.
    pub(super) fn new(
        key: &Secret,
        key_id: Option<String>,
        email: String,
        audience: String,
    ) -> Result<Self, String> {
        if email.is_empty() {
            return Err("they hold no client_email".to_owned());
        }
        let no_key = || "their private_key is no RSA key in PEM".to_owned();
        let der = from_pem(key.expose()).ok_or_else(no_key)?;
        // The older of the two forms has another headline, and little else to tell it by.
        let key = RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der));
        Ok(Self { key: key.map_err(|_| no_key())?, key_id, email, audience })
    }

    /// A statement of this moment.
    pub(super) fn assertion(&self) -> Result<String, Error> {
        // A clock before 1970 is refused by who reads this.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let header = match &self.key_id {
            Some(id) => json!({ "alg": "RS256", "typ": "JWT", "kid": id }),
            None => json!({ "alg": "RS256", "typ": "JWT" }),
        };
        let claims = json!({
            "iss": self.email, "scope": SCOPE, "aud": self.audience, "iat": now, "exp": now + LIFETIME,
        });
        let statement = format!(
            "{}.{}",
            to_base64url(header.to_string().as_bytes()),
            to_base64url(claims.to_string().as_bytes())
        );
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), statement.as_bytes(), &mut signature)
            .map_err(|_| Error::new(ErrorKind::Auth, "the key of the service account cannot sign"))?;
        Ok(format!("{statement}.{}", to_base64url(&signature)))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("email", &self.email).finish_non_exhaustive()
    }
}

/// The bytes between the two lines of dashes.
fn from_pem(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (_, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    from_base64(body)
}

/// Text of the usual letters, white space passed over; nothing if there are others.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut have) = (0_u32, 0);
    for letter in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push(u8::try_from(bits >> have & 0xff).ok()?);
        }
    }
    Some(bytes)
}

fn to_base64url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits =
            three.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for letter in 0..=three.len() {
            let index = usize::try_from(bits >> (18 - 6 * letter) & 0x3f).unwrap_or_default();
            text.extend(URL_LETTERS.get(index).copied().map(char::from));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_written_for_urls_and_read_as_usual() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (b"\xfb\xef\xff\x00", "--__AA"),
        ] {
            assert_eq!(to_base64url(bytes), text);
            let usual = text.replace('-', "+").replace('_', "/");
            let padded = format!("{}{}", usual, "=".repeat((4 - usual.len() % 4) % 4));
            assert_eq!(from_base64(&padded).as_deref(), Some(bytes), "{padded}");
        }
        assert_eq!(from_base64("Zm9v\n Ym Fy\r\n"), Some(b"foobar".to_vec()));
        assert_eq!(from_base64("Zm9-"), None);
    }

    #[test]
    fn what_is_no_key_is_told_without_showing_it() {
        for pem in ["", "secret", "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"] {
            let signer = Signer::new(&Secret::new(pem), None, "a@b".to_owned(), String::new());
            let told = signer.unwrap_err();
            assert!(told.contains("private_key") && !told.contains("secret"), "{told}");
        }
    }
}
