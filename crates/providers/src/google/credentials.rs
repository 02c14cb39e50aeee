//! Application Default Credentials: those of a user, of a service account, of the machine.
//!
//! Other forms, such as federated identities, come from a [`TokenSource`] of the caller's own.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backstop_core::{Env, Error, ErrorKind, Secret};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde::Deserialize;

#[cfg(feature = "rustls")]
use super::jwt::Signer;
use super::place::escaped;
use super::token::{Token, TokenSource};
use crate::http::{BaseUrl, HttpRequest, Mask, Transport, read_error, read_reply};

/// Where a file with credentials is named.
pub(super) const FILE_VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// Where tokens are given out, unless the credentials say otherwise.
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

/// Where a machine of Google's cloud is told about itself, and where another place for that is named.
const METADATA_HOST: &str = "metadata.google.internal";
const METADATA_VARIABLE: &str = "GCE_METADATA_HOST";
const METADATA_PATH: &str = "computeMetadata/v1/instance/service-accounts/default/token";

/// Far more than a file with credentials, or an answer with a token, has.
const FILE_MAX: u64 = 1 << 20;
const ANSWER_MAX: usize = 64 << 10;

/// Who asks for tokens, and where.
#[derive(Debug)]
pub(crate) struct Credentials {
    form: Form,
    url: BaseUrl,
    /// The project they belong to.
    pub(super) project: Option<String>,
    /// The project that is billed.
    pub(super) quota_project: Option<String>,
}

#[derive(Debug)]
enum Form {
    User {
        client_id: String,
        client_secret: Secret,
        refresh_token: Secret,
    },
    #[cfg(feature = "rustls")]
    Service(Signer),
    Machine,
}

/// What such a file holds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    r#type: String,
    client_id: String,
    client_secret: String,
    refresh_token: String,
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: Option<String>,
    project_id: Option<String>,
    quota_project_id: Option<String>,
}

impl Credentials {
    /// Those of the environment: the file that is named there, else the one that `gcloud` writes. Nothing if there is
    /// neither; a file that cannot be used is told as such.
    pub(super) fn of_env(env: &Env) -> Option<Result<Self, String>> {
        if let Some(named) = env.var(FILE_VARIABLE) {
            return Some(Self::of_file(Path::new(&named)).map_err(|why| format!("{why} ({FILE_VARIABLE})")));
        }
        let folder = env.var("CLOUDSDK_CONFIG").map(PathBuf::from);
        let folder = folder.or_else(|| Some(Path::new(&env.var("HOME")?).join(".config/gcloud")));
        let folder = folder.or_else(|| Some(Path::new(&env.var("APPDATA")?).join("gcloud")));
        let file = folder?.join("application_default_credentials.json");
        file.is_file().then(|| Self::of_file(&file))
    }

    /// Those in this file.
    pub(crate) fn of_file(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(FILE_MAX).read_to_string(&mut text));
        read.map_err(|cause| format!("the credentials in {shown} cannot be read: {cause}"))?;
        Self::parse(&text).map_err(|why| format!("the credentials in {shown} cannot be used: {why}"))
    }

    /// Those of the machine of Google's cloud this runs on.
    pub(crate) fn of_machine(env: &Env) -> Result<Self, String> {
        let host = env.var(METADATA_VARIABLE).unwrap_or_else(|| METADATA_HOST.to_owned());
        let url = place(&format!("http://{host}/{METADATA_PATH}"))?;
        Ok(Self { form: Form::Machine, url, project: None, quota_project: None })
    }

    fn parse(text: &str) -> Result<Self, String> {
        // What is wrong is not repeated: it may be a part of a key.
        let written: Written = serde_json::from_str(text).map_err(|_| "they are no JSON of that form")?;
        let Written { project_id, quota_project_id, token_uri, .. } = &written;
        let (project, quota_project) = (project_id.clone(), quota_project_id.clone());
        let url = token_uri.as_deref().unwrap_or(TOKEN_URL).to_owned();
        let place = place(&url)?;
        if !place.is_https() && !place.is_loopback() {
            return Err("their token_uri is not https".to_owned());
        }
        let form = match written.r#type.as_str() {
            "authorized_user" if written.refresh_token.is_empty() => {
                return Err("they hold no refresh_token".to_owned());
            }
            "authorized_user" => Form::User {
                client_id: written.client_id,
                client_secret: Secret::new(written.client_secret),
                refresh_token: Secret::new(written.refresh_token),
            },
            #[cfg(feature = "rustls")]
            "service_account" => {
                let key = Secret::new(written.private_key);
                Form::Service(Signer::new(&key, written.private_key_id, written.client_email, url)?)
            }
            #[cfg(not(feature = "rustls"))]
            "service_account" => {
                return Err("those of a service account need the feature rustls".to_owned());
            }
            other => {
                return Err(format!("they are of the type {other:?}, for which a TokenSource is needed"));
            }
        };
        Ok(Self { form, url: place, project, quota_project })
    }

    /// Where tokens are given out.
    pub(crate) fn url(&self) -> &BaseUrl {
        &self.url
    }

    /// Whether the place where tokens are given out is the machine's own.
    pub(crate) fn are_of_machine(&self) -> bool {
        matches!(self.form, Form::Machine)
    }

    /// A source of tokens that asks over this transport.
    pub(super) fn source(credentials: &Arc<Self>, transport: Arc<dyn Transport>) -> Arc<dyn TokenSource> {
        let mask = match &credentials.form {
            Form::User { client_secret, refresh_token, .. } => {
                Mask::new([client_secret.clone(), refresh_token.clone()])
            }
            _ => Mask::default(),
        };
        Arc::new(Endpoint { credentials: Arc::clone(credentials), mask, transport })
    }
}

fn place(url: &str) -> Result<BaseUrl, String> {
    BaseUrl::parse("", url, TOKEN_URL, &[]).map_err(|_| "their token_uri is no URL".to_owned())
}

/// A place where tokens are given out.
#[derive(Debug)]
struct Endpoint {
    credentials: Arc<Credentials>,
    mask: Mask,
    transport: Arc<dyn Transport>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    access_token: Option<String>,
    /// A number; some write it as a text.
    expires_in: Option<serde_json::Value>,
    error: Option<String>,
    error_description: Option<String>,
}

#[async_trait]
impl TokenSource for Endpoint {
    async fn token(&self) -> Result<Token, Error> {
        let host = self.credentials.url.authority();
        // Nothing of a request has been sent; without a token there is no way to the service.
        let unreachable = |why: String| Error::new(ErrorKind::Connect, format!("{host}: {why}"));
        let response = self.transport.send(self.request()?).await;
        let mut response = response.map_err(|cause| unreachable(cause.to_string()))?;
        let status = response.status.as_u16();
        let body = if response.status.is_success() {
            let body = read_reply(&mut response.body, ANSWER_MAX).await;
            body.map_err(|_| unreachable(format!("the answer ({status}) broke off or has no end")))?
        } else {
            read_error(&mut response.body).await
        };
        if matches!(status, 408 | 429 | 500..) {
            return Err(unreachable(format!("no answer but the status {status}")));
        }
        let answer: Answer = serde_json::from_slice(&body).unwrap_or_default();
        if let (200..300, Some(token)) = (status, answer.access_token.filter(|token| !token.is_empty())) {
            let token = Token::new(token);
            let seconds = answer.expires_in.and_then(|told| match told {
                serde_json::Value::String(text) => text.parse().ok(),
                told => told.as_u64(),
            });
            return Ok(match seconds {
                Some(seconds) => token.with_lifetime(Duration::from_secs(seconds)),
                None => token,
            });
        }
        let words =
            [answer.error, answer.error_description].into_iter().flatten().collect::<Vec<_>>().join(": ");
        let words = self.mask.apply(&words);
        Err(Error::new(ErrorKind::Auth, format!("{host} refused with the status {status}: {words}")))
    }
}

impl Endpoint {
    fn request(&self) -> Result<HttpRequest, Error> {
        let url = self.credentials.url.join("")?;
        let mut headers = HeaderMap::new();
        let form = match &self.credentials.form {
            Form::Machine => {
                headers.insert("metadata-flavor", HeaderValue::from_static("Google"));
                return Ok(HttpRequest::new(Method::GET, url, headers, Vec::new()));
            }
            Form::User { client_id, client_secret, refresh_token } => format!(
                "grant_type=refresh_token&client_id={}&client_secret={}&refresh_token={}",
                escaped(client_id),
                escaped(client_secret.expose()),
                escaped(refresh_token.expose()),
            ),
            #[cfg(feature = "rustls")]
            Form::Service(signer) => {
                let grant = escaped("urn:ietf:params:oauth:grant-type:jwt-bearer");
                format!("grant_type={grant}&assertion={}", signer.assertion()?)
            }
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        Ok(HttpRequest::new(Method::POST, url, headers, form))
    }
}
