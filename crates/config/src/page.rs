//! The reference page of the file format, written from its description.

use std::fmt::Write as _;

use backstop_core::Registry;
use backstop_core::route::TARGETS_MAX;

use crate::form::{Form, Key, Table, Word};
use crate::schema;

const HEAD: &str = r#"# The config file

Generated from the description of the format in `crates/config` by `cargo xtask docs`; do not edit.

TOML, found as `--config FILE`, in `BACKSTOP_CONFIG`, as `./backstop.toml`, else as
`$XDG_CONFIG_HOME/backstop/backstop.toml`. The smallest one that works, with a key in `OPENAI_API_KEY`:

```toml
[routes.default]
targets = ["openai/gpt-5.2"]
```

One with a little of everything:

"#;

const RULES: &str = r#"
## What holds everywhere

- **Nothing is ignored.** An unknown key, an unknown provider or a bad value is an error that shows the line, and the
  nearest valid name. All errors of a file are told at once.

  ```text
  error: unknown key `deadlin` in a route
    --> backstop.toml:12:1
     |
  12 | deadlin = "60s"
     | ^^^^^^^
     = help: did you mean `deadline`?
  ```

- **Durations** are a number and a unit, in quotes: `"500ms"`, `"1.5s"`, `"5m"`, `"1h"`.
- **Variables** expand in every text: `"${VAR}"`, or `"${VAR:-default}"` for one that is unset or empty; `$${` is
  a `${` that is meant as it stands. Numbers and switches may be written as a variable too. In a provider's table a
  variable that is unset leaves its setting out, and the provider's targets are passed over as *not configured*, with the variable named.
  Anywhere else it is an error.
- **Secrets** are never shown: neither in errors nor by `backstop config show`. A key written into the file itself is a warning.
  Of a line that is not TOML, words that could be a key or a prompt are left out.
- **Found, not asked for**: a `backstop.toml` of the current folder may be somebody else's. It is named on stderr, and if it
  sends variables to a server whose `base_url` it states itself, you are told which. Name it with `--config` if it is meant.
- **A target** is `provider/model`, split at the first slash. Its provider is a table of the file or a kind; a kind
  needs no table. Model names are not checked.
- **Doubles**: the same target with the same overrides is kept once in a list, at its first place, with a warning.
"#;

/// The reference page of the file format, as Markdown: `docs/CONFIG.md`.
#[must_use]
pub fn reference_page() -> String {
    let root = schema::root(&Registry::default());
    let mut page = String::from(HEAD);
    code(&mut page, include_str!("example.toml"));
    page.push_str(RULES);
    for key in &root.keys {
        match &key.form {
            Form::Map(_, of) => match &**of {
                Form::Provider(tables) => {
                    tables.iter().for_each(|(_, table)| providers(&mut page, key, table))
                }
                Form::Table(table) if key.name == "routes" => routes(&mut page, key, table),
                Form::Table(table) => {
                    section(&mut page, table.header, &key.what);
                    rows(&mut page, table.keys.iter());
                }
                _ => {}
            },
            form => {
                let _ = writeln!(page, "\n`{}`: {}. {}", key.name, form.wanted(), key.what);
            }
        }
    }
    page
}

fn providers(page: &mut String, key: &Key, table: &Table) {
    section(page, table.header, &key.what);
    rows(page, table.keys.iter());
    page.push_str(
        "\nA kind may have settings of its own beside these, such as `headers` or `organization`; the page of the kind \
         lists them, and\n`backstop config schema` has them all.\n\n",
    );
    code(
        page,
        "[providers.openai]\napi_key = \"${OPENAI_API_KEY}\"\n\n[providers.work]            # a second account\nkind = \"openai\"\napi_key = \"${WORK_KEY}\"\n\n[providers.here]            # a server on this machine\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:8080/v1\"\napi_key = \"none\"\n",
    );
}

fn routes(page: &mut String, key: &Key, table: &Table) {
    section(page, table.header, &key.what);
    page.push_str(
        "The route used when none is named is `default`, or else the only one. The one called `*` stands behind every \
         route that\n`--route x/y` makes up: `x/y` is tried first, then its targets.\n\n",
    );
    rows(page, table.keys.iter().filter(|key| !key.name.starts_with("on_")));
    if let Some(Form::List(step)) = table.key("targets").map(|key| &key.form) {
        targets(page, step);
    }
    rules(page, table);
    details(page, table.keys.iter().filter(|key| !key.name.starts_with("on_")));
}

/// What the tables and words of these keys are.
fn details<'k>(page: &mut String, keys: impl Iterator<Item = &'k Key>) {
    for key in keys {
        let forms = match &key.form {
            Form::Any(forms) => forms.as_slice(),
            form => std::slice::from_ref(form),
        };
        for form in forms {
            if let Form::Table(inner) = form {
                sub(page, key, inner);
            }
        }
        for form in forms {
            match form {
                // Of a single word its key says all.
                Form::Words(list) if list.len() > 1 => {
                    words(page, &key.name, list);
                }
                _ => {}
            }
        }
    }
}

fn targets(page: &mut String, step: &Form) {
    let Form::Any(forms) = step else { return };
    let tables: Vec<&Table> = forms
        .iter()
        .filter_map(|form| match form {
            Form::Table(table) => Some(table),
            _ => None,
        })
        .collect();
    page.push_str(
        "\n### Targets\n\nA list holds targets, targets with overrides, and pools, in any mixture:\n\n",
    );
    code(
        page,
        "[routes.default]\ntargets = [\n  \"openai/gpt-5.2\",\n  { target = \"openai/gpt-6-luna\", timeout = \"20s\", reasoning = \"low\" },\n  { pool = [\"groq/llama-x\", \"together/llama-x\"], pick = \"weighted\", weights = [3, 1] },\n]\n",
    );
    let _ = writeln!(
        page,
        "\nA route has {TARGETS_MAX} targets at most, those of its pools and rules included. In a table with overrides:\n"
    );
    if let Some(table) = tables.first() {
        rows(page, table.keys.iter());
        page.push_str("\nOverrides stay with their target and never reach another.\n");
        details(page, table.keys.iter());
    }
    if let Some(table) = tables.get(1) {
        page.push_str("\n### Pools\n\nEvery member is tried before the next step of the route.\n\n");
        rows(page, table.keys.iter());
        details(page, table.keys.iter());
    }
}

fn rules(page: &mut String, table: &Table) {
    let kinds: Vec<String> = table
        .keys
        .iter()
        .filter_map(|key| Some(format!("`{}`", key.name.strip_prefix("on_").map(|_| &*key.name)?)))
        .collect();
    let _ = writeln!(
        page,
        "\n### Rules\n\nWhat follows a failure of one kind, where that is not the [default](ERRORS.md): `\"next\"`, \
         `\"stop\"`, or a list of targets, which replaces\nthe rest of the route for this call. `on_bad_request` may \
         also be `\"second_opinion\"`.\n\n{}.\n\nThere is no rule for `interrupted`: an answer had begun, and \
         `after_commit` says what follows. There is none for `cancelled`\n(the caller has left) and `not_configured` \
         (such a target is always passed over).\n",
        kinds.join(", ")
    );
    code(
        page,
        "[routes.default]\ntargets = [\"openai/gpt-5.2\", \"openai/gpt-6-luna\"]\non_context_length = [\"gemini/gemini-2.5-pro\"]\non_content_filter = \"stop\"\n",
    );
}

fn section(page: &mut String, header: &str, what: &str) {
    let _ = writeln!(page, "\n## `{header}`\n\n{what}\n");
}

fn sub(page: &mut String, key: &Key, table: &Table) {
    let _ = writeln!(page, "\n### `{}`\n\n{}\n", key.name, key.what);
    rows(page, table.keys.iter());
}

fn words(page: &mut String, name: &str, list: &[Word]) {
    let _ = writeln!(page, "\n`{name}`:\n");
    for word in list {
        let _ = writeln!(page, "- `\"{}\"`: {}", word.name, word.what);
    }
}

fn rows<'k>(page: &mut String, keys: impl Iterator<Item = &'k Key>) {
    page.push_str("| key | what it does | value | left out |\n|---|---|---|---|\n");
    for Key { name, form, what, default, required, .. } in keys {
        let default = if *required { "has to be there" } else { default };
        let wanted = form.wanted();
        // What a duration or a target looks like was said above.
        let wanted: Vec<&str> =
            wanted.split(" or ").map(|wanted| wanted.split(" such as").next().unwrap_or_default()).collect();
        let _ = writeln!(page, "| `{name}` | {what} | {} | {default} |", wanted.join(" or "));
    }
}

fn code(page: &mut String, text: &str) {
    let _ = write!(page, "```toml\n{text}```\n");
}
