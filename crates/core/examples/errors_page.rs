//! Prints `docs/ERRORS.md`. Run by `cargo xtask docs`.

#![expect(clippy::print_stdout, reason = "printing the page is all it does")]

use backstop_core::{Cools, ErrorKind, MoveOn, Scope};

fn main() {
    println!("# What each failure leads to\n");
    println!("Generated from `ErrorKind::reaction` by `cargo xtask docs`; do not edit.\n");
    println!(
        "- **comes back**: the same target may be asked a second time in this call, after a backoff or the stated wait."
    );
    println!("- **moves on**: the next target is asked.");
    println!(
        "- **cools down**: what rests afterwards. *Told* is heeded by every call; *suspected* only puts a target"
    );
    println!(
        "  behind the others. A suspected cooldown, and a told one that is not a rate limit, ends with one probe.\n"
    );
    println!("| kind | in words | comes back | moves on | cools down | notes |");
    println!("|---|---|---|---|---|---|");
    for kind in ErrorKind::ALL {
        let reaction = kind.reaction();
        let comeback = if reaction.comeback { "yes" } else { "no" };
        println!(
            "| `{kind}` | {} | {comeback} | {} | {} | {} |",
            kind.words(),
            move_on(reaction.move_on),
            cools(reaction.cools),
            reaction.note
        );
    }
    println!(
        "\nA route steers single kinds with a rule: the next target, stop, a second opinion (`bad_request` only), or a"
    );
    println!(
        "list that replaces the rest of the route for this call. There is none for `interrupted`, `cancelled` and"
    );
    println!("`not_configured`.\n");
    println!("{LOGS}");
}

/// What a call says to `tracing` while it runs. A test of the whole library checks that every field has its row.
const LOGS: &str = "\
## What stands in the log

A call is a `tracing` span, `backstop.call`, at `INFO`. Inside it every decision is an event: `decided` at `INFO`, an
answer and each request that goes out at `DEBUG`, and what a person should look at (a refused key, an empty account, an
unknown model) as `target needs attention` at `WARN`, once per cooldown. The last event of a call that failed is
`call failed`. No prompt, no answer, no key and nothing a provider said is in any of them.

| field | on | what it holds |
|---|---|---|
| `operation` | the span | `chat`, `complete` or `embed` |
| `route` | the span | the name of the route |
| `llm_target` | the span, every event about one target | the target, as `provider/model`; on the span, the one that answered |
| `kind` | decisions, `call failed` | the kind of the failure, as in the table above |
| `verdict` | decisions | what came next: `delivered`, `next_target`, `retry_same`, `skipped`, `hedged`, `stopped`, `exhausted`, `cancelled` |
| `status` | decisions | the HTTP status, if there was one |
| `took_ms` | decisions | how long the attempt took |
| `reason` | decisions | why, in our own words |
| `attempts` | `call failed` | how many requests were sent |

The plain names `target` and `message` belong to `tracing`: the module a line comes from, and the words of the event.";

fn move_on(how: MoveOn) -> &'static str {
    match how {
        MoveOn::No => "no",
        MoveOn::Yes => "yes",
        MoveOn::Loudly => "yes, with a warning once per cooldown",
        MoveOn::SecondOpinion => "yes, until a second provider names a fault of the request",
        MoveOn::AfterCommit => "as `after_commit` says",
        _ => "?",
    }
}

fn cools(what: Cools) -> &'static str {
    match what {
        Cools::Nothing => "nothing",
        Cools::Breaker => "the target, suspected, after 3 failures in a row",
        Cools::ProviderSuspected => "the provider, suspected, at once",
        Cools::Told(Scope::Provider) => "the provider, told, 60 s",
        Cools::Told(_) => "the target, told, 60 s",
        Cools::RateLimit => {
            "the target: told, for the stated wait; where none is stated, suspected, for a guessed one"
        }
        _ => "?",
    }
}
