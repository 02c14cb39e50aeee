//! Signatures of AWS, version 4: a request signed with a secret that is not sent.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use backstop_core::{Error, ErrorKind, Secret};
use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use sha2::{Digest, Sha256};

use super::place::encoded;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "bedrock";
const JSON: &str = "application/json";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What a request is signed with.
#[derive(Clone, Debug)]
pub(super) struct AccessKeys {
    pub(super) id: Secret,
    pub(super) secret: Secret,
    /// Of keys that end after some hours.
    pub(super) session_token: Option<Secret>,
}

/// Signs the requests of a provider.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    pub(super) keys: AccessKeys,
    pub(super) region: String,
    /// A signature counts for some minutes, so it says when it was made.
    pub(super) clock: fn() -> SystemTime,
}

impl Signer {
    /// The headers that sign a request of this body, and those they sign.
    pub(super) fn headers(&self, url: &Uri, body: &[u8]) -> Result<HeaderMap, Error> {
        let now = (self.clock)().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let date = timestamp(now.as_secs());
        let token = self.keys.session_token.as_ref().map(Secret::expose);
        let signed = self.authorization(url, body, &date, token);
        let cannot = || Error::new(ErrorKind::Config, "the access key cannot be sent in a header");
        let header = |text: &str| {
            let mut value = HeaderValue::try_from(text).map_err(|_| cannot())?;
            value.set_sensitive(true);
            Ok::<_, Error>(value)
        };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, header(&signed.ok_or_else(cannot)?)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        headers.insert(DATE, header(&date)?);
        if let Some(token) = token {
            headers.insert(TOKEN, header(token)?);
        }
        Ok(headers)
    }

    fn authorization(&self, url: &Uri, body: &[u8], date: &str, token: Option<&str>) -> Option<String> {
        let host = url.authority()?;
        let mut headers = format!("{CONTENT_TYPE}:{JSON}\nhost:{host}\n{DATE}:{date}\n");
        let mut names = format!("{CONTENT_TYPE};host;{DATE}");
        if let Some(token) = token {
            writeln!(headers, "{TOKEN}:{token}").ok()?;
            write!(names, ";{TOKEN}").ok()?;
        }
        // The path is encoded as it is sent, and once more to be signed.
        let path: Vec<String> = url.path().split('/').map(encoded).collect();
        let request =
            format!("POST\n{}\n\n{headers}\n{names}\n{}", path.join("/"), hex(&Sha256::digest(body)));
        let day = date.get(..8)?;
        let scope = format!("{day}/{}/{SERVICE}/aws4_request", self.region);
        let text = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hex(&Sha256::digest(request)));
        let mut key = format!("AWS4{}", self.keys.secret.expose()).into_bytes();
        for part in [day, &self.region, SERVICE, "aws4_request"] {
            key = mac(&key, part)?;
        }
        let (id, signature) = (self.keys.id.expose(), hex(&mac(&key, &text)?));
        Some(format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"))
    }
}

/// `None` never comes: a key may be of any length.
fn mac(key: &[u8], text: &str) -> Option<Vec<u8>> {
    let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    Some(mac.chain_update(text).finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A moment as AWS writes it: `20260102T030405Z`.
fn timestamp(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March, in the 400 of which every calendar of ours repeats.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day + 2) / 153;
    let day = day - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_767_323_045; // 2026-01-02 03:04:05 UTC
    const BODY: &[u8] = br#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#;

    fn signer(session_token: Option<&str>) -> Signer {
        Signer {
            keys: AccessKeys {
                id: Secret::new("AKIDEXAMPLE"),
                secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                session_token: session_token.map(Secret::new),
            },
            region: "us-east-1".to_owned(),
            clock: || UNIX_EPOCH + Duration::from_secs(NOW),
        }
    }

    fn url() -> Uri {
        let url = "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-x-v1%3A0/converse";
        Uri::from_static(url)
    }

    #[test]
    fn a_signature_is_that_of_the_official_library() {
        let headers = signer(None).headers(&url(), BODY).unwrap();
        assert_eq!(headers["x-amz-date"], "20260102T030405Z");
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(
            headers["authorization"],
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=42fdb60ac0f568511329e4d211897dfd6b4cbc28034f1f7c2a33cc6f5cb790a9"
        );
        assert!(headers["authorization"].is_sensitive() && headers.len() == 3);
    }

    #[test]
    fn a_session_token_is_sent_and_signed() {
        let headers = signer(Some("token")).headers(&url(), BODY).unwrap();
        assert_eq!(headers["x-amz-security-token"], "token");
        assert!(headers["x-amz-security-token"].is_sensitive());
        let signed = headers["authorization"].to_str().unwrap();
        assert!(
            signed.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,"),
            "{signed}"
        );
        let other = signer(Some("tokem")).headers(&url(), BODY).unwrap();
        assert_ne!(headers["authorization"], other["authorization"]);
    }

    #[test]
    fn whatever_is_sent_is_signed() {
        let signature = |signer: &Signer, url: &Uri, body: &[u8]| {
            signer.headers(url, body).unwrap()["authorization"].to_str().unwrap().to_owned()
        };
        let base = signature(&signer(None), &url(), BODY);
        let elsewhere =
            Uri::from_static("https://elsewhere.example/model/anthropic.claude-x-v1%3A0/converse");
        let mut there = signer(None);
        there.region = "eu-west-1".to_owned();
        let mut later = signer(None);
        later.clock = || UNIX_EPOCH + Duration::from_secs(NOW + 1);
        for other in [
            signature(&signer(None), &url(), b"{}"),
            signature(&signer(None), &elsewhere, BODY),
            signature(&there, &url(), BODY),
            signature(&later, &url(), BODY),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn moments_are_written_as_aws_writes_them() {
        for (seconds, expected) in [
            (NOW, "20260102T030405Z"),
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_799, "20000229T235959Z"),
            (951_868_800, "20000301T000000Z"),
            (1_798_761_599, "20261231T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            assert_eq!(timestamp(seconds), expected);
        }
    }
}
