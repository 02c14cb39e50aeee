//! A service account signs for itself.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use backstop_core::Env;
use backstop_core::Settings;
use backstop_providers::vertex::VertexConfig;
use serde_json::{Value, json};

use crate::cloud::{Cloud, File, chat, env, vertex};

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for letter in 0..4 {
            let index = (bits >> (18 - 6 * letter) & 0x3f) as usize;
            text.push(if letter <= three.len() { char::from(*LETTERS.get(index).unwrap()) } else { '=' });
        }
    }
    text
}

fn from_base64url(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut have) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            other => panic!("{other} is no letter of a JWT"),
        };
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            bytes.push((bits >> have) as u8);
        }
    }
    bytes
}

/// A fresh key, as DER, and as PEM with the lines that such files have.
fn key() -> (Vec<u8>, String) {
    let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key).unwrap().as_ref().to_vec();
    let lines: Vec<String> =
        base64(&der).as_bytes().chunks(64).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
    (der, pem)
}

#[tokio::test]
async fn it_shows_a_statement_that_its_key_has_signed() {
    let (der, pem) = key();
    let file = File::new(
        &json!({
            "type": "service_account", "project_id": "its-project", "private_key_id": "k-1", "private_key": pem,
            "client_email": "me@its-project.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token",
        })
        .to_string(),
    );
    let cloud = Cloud::healthy();
    let config = VertexConfig::from_env(&env(&[("GOOGLE_APPLICATION_CREDENTIALS", file.path())]));
    let vertex = vertex(config, &cloud);
    chat(&vertex).await.unwrap();
    chat(&vertex).await.unwrap();
    assert!(cloud.urls()[0].contains("/projects/its-project/"), "{:?}", cloud.urls());
    let [asked] = &cloud.token_requests()[..] else { panic!("one request for a token") };
    let start = "POST https://oauth2.googleapis.com/token application/x-www-form-urlencoded - \
                 grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let assertion = asked.strip_prefix(start).unwrap();
    let [header, claims, signature] = assertion.split('.').collect::<Vec<_>>()[..] else {
        panic!("{assertion}")
    };
    let read = |part: &str| serde_json::from_slice::<Value>(&from_base64url(part)).unwrap();
    assert_eq!(read(header), json!({ "alg": "RS256", "typ": "JWT", "kid": "k-1" }));
    let claims_read = read(claims);
    let issued = claims_read["iat"].as_u64().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(now - issued < 60);
    assert_eq!(
        claims_read,
        json!({
            "iss": "me@its-project.iam.gserviceaccount.com",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "aud": "https://oauth2.googleapis.com/token",
            "iat": issued,
            "exp": issued + 3600,
        })
    );
    let pair = RsaKeyPair::from_pkcs8(&der).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    let signed = format!("{header}.{claims}");
    public.verify(signed.as_bytes(), &from_base64url(signature)).unwrap();
    assert!(public.verify(b"something else", &from_base64url(signature)).is_err());
}

#[test]
fn a_key_that_is_none_is_told_and_not_shown() {
    for (key, email, words) in [
        ("hunter2", "a@b", "private_key is no RSA key"),
        (
            "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----",
            "a@b",
            "private_key is no RSA key",
        ),
        ("hunter2", "", "no client_email"),
    ] {
        let account = json!({ "type": "service_account", "private_key": key, "client_email": email });
        let file = File::new(&account.to_string());
        let mut settings = Settings::new("vertex", Env::empty());
        settings.options = json!({ "credentials": file.path(), "project": "p" }).as_object().unwrap().clone();
        let config = VertexConfig::from_settings(settings).unwrap();
        let shown = format!("{config:?}");
        assert!(shown.contains(words) && !shown.contains("hunter2"), "{shown}");
    }
}
