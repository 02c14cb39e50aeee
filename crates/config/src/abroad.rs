//! Variables whose values a file sends to a server that the file itself names.
//!
//! In a file that somebody wrote for themselves that is what a proxy needs. In a file that came with a folder it is a way
//! to a stranger's keys, so whoever finds such a file can tell.

use backstop_core::Env;
use toml::de::{DeTable, DeValue};

use crate::problem::Problem;
use crate::read::{Node, brief, in_order};
use crate::report::Report;
use crate::source::Span;
use crate::vars;

/// A variable that leaves, where it stands, and for which provider.
struct Sent {
    variable: String,
    span: Span,
    provider: String,
}

/// A warning for each variable that is set and goes to a provider whose `base_url` is written in the file.
pub(crate) fn problems(document: &DeTable<'_>, report: &mut Report<'_>, env: &Env) -> Vec<Problem> {
    let section = |name: &str| table(document, name);
    let mut walk = Walk { env, hosts: Vec::new(), sent: Vec::new() };
    for (name, node) in section("providers").into_iter().flat_map(in_order) {
        let Some(provider) = node.get_ref().as_table() else { continue };
        let base_url = provider.iter().find(|(key, _)| key.get_ref() == "base_url");
        let host = base_url.and_then(|(_, node)| host_of(node.get_ref().as_str()?, env));
        walk.hosts.extend(host.map(|host| (name.get_ref().to_string(), host)));
        walk.value(node, Some(name.get_ref()));
    }
    for (_, node) in section("routes").into_iter().flat_map(in_order) {
        walk.value(node, None);
    }
    let Walk { hosts, mut sent, .. } = walk;
    let host_of = |name: &str| hosts.iter().find(|(provider, _)| provider == name).map(|(_, host)| host);
    let mut told: Vec<(String, String)> = Vec::new();
    sent.retain(|sent| {
        let once = (sent.variable.clone(), sent.provider.clone());
        let is_new = host_of(&sent.provider).is_some() && !told.contains(&once);
        told.extend(is_new.then_some(once));
        is_new
    });
    let spans: Vec<Span> = sent.iter().map(|sent| sent.span.clone()).collect();
    let places = report.places(&spans);
    let problem = |(sent, place): (Sent, _)| {
        let host = host_of(&sent.provider).map_or("", String::as_str);
        let message = format!("{} is sent to {host}, which this file names", sent.variable);
        Problem::new(true, report.source.name, Some(place), message, None)
    };
    sent.into_iter().zip(places).map(problem).collect()
}

fn table<'t, 'i>(document: &'t DeTable<'i>, name: &str) -> Option<&'t DeTable<'i>> {
    document.iter().find(|(key, _)| key.get_ref() == name).and_then(|(_, node)| node.get_ref().as_table())
}

struct Walk<'a> {
    env: &'a Env,
    /// Providers whose server the file names, and what to call it.
    hosts: Vec<(String, String)>,
    sent: Vec<Sent>,
}

impl Walk<'_> {
    /// Notes the variables in the texts of a value that goes to this provider. Of what belongs to no target, such as a
    /// duration, nothing is sent.
    fn value(&mut self, node: &Node<'_>, provider: Option<&str>) {
        match node.get_ref() {
            DeValue::Array(list) => list.iter().for_each(|node| self.value(node, provider)),
            DeValue::Table(entries) => {
                let target = entries.iter().find(|(key, _)| key.get_ref() == "target");
                let target = target.and_then(|(_, node)| self.provider_of(node.get_ref().as_str()?));
                for (_, node) in in_order(entries) {
                    self.value(node, target.as_deref().or(provider));
                }
            }
            DeValue::String(raw) => {
                let own = if provider.is_none() { self.provider_of(raw) } else { None };
                let Some(provider) = provider.or(own.as_deref()) else { return };
                for variable in vars::names(raw).filter(|name| self.env.var(name).is_some()) {
                    let (variable, provider) = (variable.to_owned(), provider.to_owned());
                    self.sent.push(Sent { variable, span: node.span(), provider });
                }
            }
            _ => {}
        }
    }

    /// The provider of a target; `None` for what is none.
    fn provider_of(&self, raw: &str) -> Option<String> {
        let target = vars::expand(raw, self.env).ok()?.text;
        target.split_once('/').map(|(provider, _)| provider.to_owned())
    }
}

/// The host of a URL that stands in the file. `None` if it is this machine, or if the whole of it comes from a variable:
/// then whoever set that has chosen it.
fn host_of(base_url: &str, env: &Env) -> Option<String> {
    let is_variable = base_url.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    if is_variable.is_some_and(|name| !name.contains(['}', ':'])) {
        return None;
    }
    let host = |url: &str| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default().to_owned()
    };
    let real = host(&vars::expand(base_url, env).ok()?.text);
    let name = match real.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => real.split(':').next(),
    };
    let address = |name: &str| name.parse::<std::net::IpAddr>();
    if name.is_some_and(|name| name == "localhost" || address(name).is_ok_and(|ip| ip.is_loopback())) {
        return None;
    }
    // What a variable adds to a name is not shown.
    let written = if base_url.contains("${") { "a server".to_owned() } else { brief(&host(base_url)) };
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_unless_it_is_this_machine_or_the_users_own_choice() {
        let env = Env::new(|name| (name == "URL").then(|| "https://mine.example".to_owned()));
        for (url, host) in [
            ("https://a.example/v1", Some("a.example")),
            ("https://a.example:8443", Some("a.example:8443")),
            ("https://localhost@a.example/v1", Some("a.example")),
            ("https://localhost.a.example/v1", Some("localhost.a.example")),
            ("https://a.example\\@localhost/", Some("a.example")),
            ("https://a.example/${URL}", Some("a server")),
            ("${URL:-https://a.example}", Some("a server")),
            ("${URL}", None),
            ("http://localhost:8080/v1", None),
            ("http://127.0.0.1:8080/v1", None),
            ("http://[::1]:8080/v1", None),
        ] {
            assert_eq!(host_of(url, &env).as_deref(), host, "{url}");
        }
    }
}
