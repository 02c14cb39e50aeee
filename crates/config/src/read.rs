//! Reads a parsed file along the description of its format: what comes out has the right form.

use backstop_core::Env;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::form::{Form, Key, Names, Table};
use crate::found::{Field, Fields, Found, Unset, Value};
use crate::near::nearest;
use crate::providers::Kinds;
use crate::report::Report;
use crate::source::Span;

/// Walks the file once. Whatever is wrong goes to the report, and the walk goes on.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) report: Report<'a>,
    pub(crate) env: &'a Env,
    pub(crate) kinds: Kinds<'a>,
    pub(crate) root: &'a Table,
    /// Inside a provider: what hangs on variables that are not set. Elsewhere such a variable is an error.
    pub(crate) unset: Option<Vec<Unset>>,
}

pub(crate) type Node<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    /// Reads one value. `name` is what it is called in messages, in backquotes.
    pub(crate) fn value(&mut self, form: &Form, node: &Node<'_>, name: &str) -> Found {
        self.value_as(form, form, node, name)
    }

    /// Reads one value as `form`, which is one of the alternatives of `whole`.
    fn value_as(&mut self, form: &Form, whole: &Form, node: &Node<'_>, name: &str) -> Found {
        let span = node.span();
        let is_long = |raw: &str| matches!(form, Form::Duration { .. } | Form::Words(_)) && !is_brief(raw);
        if form.is_open() && !node.get_ref().as_str().is_some_and(is_long) {
            self.report.show(span.clone());
        }
        let value = match (form, node.get_ref()) {
            (Form::Flag, DeValue::Boolean(flag)) => Some(Value::Flag(*flag)),
            (Form::Any(forms), _) => return self.any(form, forms, node, name),
            (Form::List(of), DeValue::Array(list)) => {
                let name = format!("an entry of {name}");
                Some(Value::List(list.iter().map(|node| self.value(of, node, &name)).collect()))
            }
            (Form::Table(table), DeValue::Table(entries)) => {
                Some(Value::Table(self.table(table, entries, &span)))
            }
            (Form::Map(names, of), DeValue::Table(entries)) => {
                Some(Value::Table(self.map(*names, of, entries, name)))
            }
            (Form::Json, DeValue::Table(entries)) => self.json_table(entries, name).map(Value::Json),
            _ => self.scalar(form, whole, node, name),
        };
        Found::new(span, value.unwrap_or(Value::Bad))
    }

    /// The entries of a table, each read as its key says.
    pub(crate) fn table(&mut self, table: &Table, entries: &DeTable<'_>, whole: &Span) -> Fields {
        let mut fields = Fields::default();
        for (key, node) in in_order(entries) {
            let name: &str = key.get_ref();
            match table.key(name) {
                Some(known) => {
                    let found = self.value(&known.form, node, &format!("`{name}`"));
                    fields.entries.push(Field { name: name.to_owned(), key: key.span(), found });
                }
                None => self.unknown_key(table, name, key.span(), node),
            }
        }
        // A misspelt key is told as such; that the right one is missing follows from it.
        let is_misspelt = || entries.keys().any(|key| table.key(key.get_ref()).is_none());
        for Key { name, .. } in table.keys.iter().filter(|key| key.required) {
            if fields.field(name).is_none() && !is_misspelt() {
                let help = match table.header.strip_prefix('[') {
                    Some(_) => format!("write {name} = [\"openai/gpt-5.2\"] below it"),
                    None => format!("write {}", table.header),
                };
                self.report.error(whole.clone(), format!("`{name}` is missing {}", table.place), Some(help));
            }
        }
        fields
    }

    fn unknown_key(&mut self, table: &Table, name: &str, key: Span, node: &Node<'_>) {
        let also = || table.keys.iter().find(|key| key.also.contains(&name)).map(|key| &*key.name);
        let near = also().or_else(|| nearest(name, table.keys.iter().map(|key| &*key.name)));
        let refused = table.refused.iter().find(|(refused, _)| refused == name).map(|(_, reason)| *reason);
        let elsewhere = self.root.find(name).filter(|(other, _)| other.header != table.header);
        let (help, meant) = match (refused, near, elsewhere) {
            (Some(reason), ..) => (reason.to_owned(), None),
            (None, Some(near), _) => (format!("did you mean `{near}`?"), table.key(near)),
            (None, None, Some((other, key))) => {
                (format!("`{name}` belongs into {}", other.header), Some(key))
            }
            (None, None, None) => (listed(table), None),
        };
        // What is meant for a harmless key is harmless, as far as a person can tell; in a provider nothing is.
        if self.unset.is_none() && meant.is_some_and(|key| key.form.is_open()) {
            self.show_all(node);
        }
        // A name that looks more like a key of the other sort got there by accident.
        let is_shown = is_brief(name) || !name.contains(|c: char| c.is_ascii_digit());
        let shown = if is_shown {
            format!(" `{}`", brief(name))
        } else {
            self.report.hide(key.clone());
            String::new()
        };
        self.report.error(key, format!("unknown key{shown} {}", table.place), Some(help));
    }

    /// Shows what stands where something harmless was meant, as far as it looks like that.
    pub(crate) fn show_all(&mut self, node: &Node<'_>) {
        match node.get_ref() {
            DeValue::Array(list) => list.iter().for_each(|node| self.show_all(node)),
            DeValue::Table(_) => {}
            DeValue::String(raw) => {
                let provider = raw.split_once('/').map(|(provider, _)| provider);
                let is_target = provider.is_some_and(|name| self.kinds.unknown_provider(name).is_none());
                if is_brief(raw) || is_target {
                    self.report.show(node.span());
                }
            }
            _ => self.report.show(node.span()),
        }
    }

    /// A table whose keys are names.
    fn map(&mut self, names: Names, of: &Form, entries: &DeTable<'_>, name: &str) -> Fields {
        let mut fields = Fields::default();
        for (key, node) in in_order(entries) {
            let entry: &str = key.get_ref();
            let shown = match names {
                Names::Provider => format!("provider `{}`", brief(entry)),
                Names::Target => format!("model `{}`", brief(entry)),
                Names::Route => format!("route `{}`", brief(entry)),
                Names::Header | Names::Free => format!("`{}` in {name}", brief(entry)),
            };
            if let Some((problem, help)) = wrong_name(names, entry) {
                self.report.error(key.span(), problem, Some(help));
                continue;
            }
            let found = match (of, node.get_ref()) {
                (Form::Provider(tables), DeValue::Table(entries)) => {
                    self.provider(tables, entries, &node.span(), entry)
                }
                _ => self.value(of, node, &shown),
            };
            fields.entries.push(Field { name: entry.to_owned(), key: key.span(), found });
        }
        fields
    }

    /// One of several forms: the one for this type of value.
    fn any(&mut self, whole: &Form, forms: &[Form], node: &Node<'_>, name: &str) -> Found {
        let form = match node.get_ref() {
            DeValue::String(raw) => {
                let text = self.peek(raw);
                let is_word = |form: &&Form| match form {
                    Form::Words(words) => words.iter().any(|word| word.name == text),
                    _ => false,
                };
                let is_text =
                    |form: &&Form| matches!(form, Form::Text { .. } | Form::Duration { .. } | Form::Target);
                let words = forms.iter().find(is_word).or_else(|| forms.iter().find(is_text));
                let is_words = |form: &&Form| matches!(form, Form::Words(_));
                // A target where a list of them belongs is told as that, and not as an unknown word.
                let looks_listed =
                    text.contains('/') && forms.iter().any(|form| matches!(form, Form::List(_)));
                words.or_else(|| forms.iter().find(is_words).filter(|_| !looks_listed))
            }
            DeValue::Boolean(_) => forms.iter().find(|form| matches!(form, Form::Flag)),
            DeValue::Array(_) => forms.iter().find(|form| matches!(form, Form::List(_))),
            DeValue::Integer(_) | DeValue::Float(_) => {
                // A bare number is most likely a duration whose unit was forgotten.
                forms.iter().find(|form| {
                    matches!(form, Form::Count { .. } | Form::Number { .. } | Form::Duration { .. })
                })
            }
            DeValue::Datetime(_) => None,
            DeValue::Table(entries) => {
                let has = |name: &str| entries.keys().any(|key| key.get_ref() == name);
                let is_table = |form: &&Form| matches!(form, Form::Table(_));
                let is_marked = |form: &&Form| matches!(form, Form::Table(table) if table.is_marked_by(has));
                forms.iter().find(is_marked).or_else(|| forms.iter().find(is_table))
            }
        };
        match form {
            Some(form) => self.value_as(form, whole, node, name),
            None => {
                self.mismatch(whole, node, name);
                Found::new(node.span(), Value::Bad)
            }
        }
    }
}

/// The entries of a table as they stand in the file; the parser sorts them by name.
pub(crate) fn in_order<'t, 'i>(
    table: &'t DeTable<'i>,
) -> Vec<(&'t Spanned<std::borrow::Cow<'i, str>>, &'t Node<'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// The keys of a table; those of the rules as one.
fn listed(table: &Table) -> String {
    let mut names: Vec<&str> = table
        .keys
        .iter()
        .map(|key| if key.name.starts_with("on_") { "on_<kind of failure>" } else { &*key.name })
        .collect();
    names.dedup();
    format!("there are {}", names.join(", "))
}

/// Whether a text is short and plain, as durations and words are, and no key is.
pub(crate) fn is_brief(raw: &str) -> bool {
    const LENGTH_MAX: usize = 20;
    raw.len() <= LENGTH_MAX && raw.chars().all(|c| c.is_ascii_alphanumeric() || "_-+. ${}:".contains(c))
}

/// A name as messages repeat it: one line, not too long.
pub(crate) fn brief(name: &str) -> String {
    const LENGTH_MAX: usize = 60;
    let mut shown: String = name.chars().take(LENGTH_MAX).flat_map(char::escape_debug).collect();
    if name.chars().nth(LENGTH_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// What is wrong with a name, and what to do about it.
fn wrong_name(names: Names, name: &str) -> Option<(String, String)> {
    let shown = brief(name);
    let has_space = name.contains(|c: char| c.is_whitespace() || c.is_control());
    match names {
        Names::Provider if name.is_empty() || name.contains('/') || has_space => Some((
            format!("a provider cannot be called `{shown}`"),
            "its name stands before the slash of a target: no slash and no space in it".to_owned(),
        )),
        Names::Target => name.parse::<backstop_core::TargetName>().err().map(|_| {
            (
                format!("`{shown}` is no target: it is written provider/model"),
                "a slash and dots need quotes: [models.\"openai/gpt-5.2\"]".to_owned(),
            )
        }),
        Names::Route if name.is_empty() || has_space => Some((
            format!("a route cannot be called `{shown}`"),
            "its name is one word, without spaces".to_owned(),
        )),
        // What HTTP calls a token.
        Names::Header
            if name.is_empty()
                || !name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)) =>
        {
            Some((
                format!("`{shown}` is no name of a header"),
                "names of headers have letters, digits and dashes".to_owned(),
            ))
        }
        _ => None,
    }
}
