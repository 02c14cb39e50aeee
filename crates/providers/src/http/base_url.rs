//! Where a provider's requests go: checked once, when the provider is built.

use std::fmt;
use std::net::IpAddr;

use backstop_core::{Error, ErrorKind};
use http::Uri;

/// What precedes a provider's documented paths: absolute, http or https, without credentials, query or fragment.
/// No slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    text: String,
    authority: String,
    loopback: bool,
}

impl BaseUrl {
    /// Checks `text`, which is the `base_url` of `provider`. `example` is a good one, `paths` are what the provider
    /// appends by itself.
    pub(crate) fn parse(provider: &str, text: &str, example: &str, paths: &[&str]) -> Result<Self, Error> {
        let refuse = |problem: &str| {
            // A URL with a password in it is not repeated.
            let shown = if text.contains(['@', '?', '#']) { String::new() } else { format!(" {text:?}") };
            let message =
                format!("the base_url{shown} of provider `{provider}` {problem}; a good one is {example}");
            Err(Error::new(ErrorKind::Config, message))
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return refuse("is empty");
        }
        if trimmed.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return refuse("holds white space");
        }
        if !trimmed.contains("://") {
            return refuse("does not begin with https:// or http://");
        }
        let Ok(url) = reqwest::Url::parse(trimmed) else {
            return refuse("is no URL");
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("begins with something else than https:// or http://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("holds a user name or password: credentials belong into api_key");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse("holds a query or fragment");
        }
        let text = url.as_str().trim_end_matches('/').to_owned();
        if let Some(path) = paths.iter().find(|path| text.ends_with(*path)) {
            return refuse(&format!("ends with {path}, which is appended by itself"));
        }
        let authority = text.parse::<Uri>().ok().and_then(|uri| uri.authority().map(ToString::to_string));
        match authority {
            Some(authority) => Ok(Self { text, authority, loopback: is_loopback(&url) }),
            None => refuse("is no URL"),
        }
    }

    /// The URL of `path`, which begins with a slash.
    pub(crate) fn join(&self, path: &str) -> Result<Uri, Error> {
        let url = format!("{}{path}", self.text);
        Uri::try_from(url).map_err(|_| Error::new(ErrorKind::Config, format!("{self}{path} is no URL")))
    }

    /// The URL as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, and the port if it is stated.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether this machine itself is meant.
    pub(crate) fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether TLS is needed.
    pub(crate) fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }
}

fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let host = host.trim_end_matches('.');
    // What listens everywhere listens here, and that address is nobody else's.
    let is_here = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| is_here(address.to_canonical()))
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BaseUrl, Error> {
        BaseUrl::parse("mirror", text, "https://a.example/v1", &["/chat/completions"])
    }

    #[test]
    fn spellings_of_one_url_are_one_url() {
        let plain = parse("https://a.example/v1").unwrap();
        for text in [
            "https://a.example/v1/",
            "https://a.example/v1//",
            " https://a.example/v1\n",
            "HTTPS://A.example:443/v1",
            "https://a.example/x/../v1",
        ] {
            assert_eq!(parse(text).unwrap(), plain, "{text}");
        }
        assert_eq!(plain.join("/embeddings").unwrap(), "https://a.example/v1/embeddings");
        assert!(plain.is_https());
    }

    #[test]
    fn a_url_may_have_a_port_no_path_and_an_address() {
        for (text, joined, authority) in [
            ("http://localhost:8080", "http://localhost:8080/x", "localhost:8080"),
            ("http://[::1]:8080/v1", "http://[::1]:8080/v1/x", "[::1]:8080"),
            ("http://bücher.example", "http://xn--bcher-kva.example/x", "xn--bcher-kva.example"),
        ] {
            let url = parse(text).unwrap();
            assert_eq!(url.join("/x").unwrap(), joined);
            assert_eq!(url.authority(), authority);
        }
    }

    #[test]
    fn this_machine_has_several_names() {
        for url in [
            "http://localhost/v1",
            "https://localhost:8443",
            "http://LOCALHOST.",
            "http://models.localhost/v1",
            "http://127.0.0.2:1",
            "http://0.0.0.0:11434",
            "http://[::1]:8080/v1",
            "http://[::ffff:127.0.0.1]/v1",
        ] {
            assert!(parse(url).unwrap().is_loopback(), "{url}");
        }
        for url in ["http://localhost.example", "http://mylocalhost", "http://10.0.0.1", "http://[::2]"] {
            assert!(!parse(url).unwrap().is_loopback(), "{url}");
        }
    }

    #[test]
    fn a_bad_url_is_told_with_a_good_one_and_without_its_secrets() {
        for (text, problem) in [
            ("", "empty"),
            ("api.openai.com/v1", "does not begin"),
            ("localhost:8080/v1", "does not begin"),
            ("ftp://a.example", "something else"),
            ("https://", "no URL"),
            ("https:// a.example", "white space"),
            ("https://user:hunter2@a.example/v1", "user name"),
            ("https://a.example/v1?key=hunter2", "query"),
            ("https://a.example/v1#hunter2", "fragment"),
            ("https://a.example/v1/chat/completions", "ends with /chat/completions"),
            ("https://a.example/v1/chat/completions/", "ends with /chat/completions"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(problem) && shown.contains("`mirror`"), "{text}: {shown}");
            assert!(shown.contains("https://a.example/v1") && !shown.contains("hunter2"), "{shown}");
        }
    }
}
