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
    println!("`not_configured`.");
}

fn move_on(how: MoveOn) -> &'static str {
    match how {
        MoveOn::No => "no",
        MoveOn::Yes => "yes",
        MoveOn::Loudly => "yes, with a warning once per cooldown",
        MoveOn::SecondOpinion => "once",
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
        Cools::RateLimit => "the target: told, for the stated wait; without one suspected, for a guess",
        _ => "?",
    }
}
