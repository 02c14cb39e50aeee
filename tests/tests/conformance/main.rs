//! The conformance kit over every provider that is compiled in, as a table.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails where it stands")]

mod bedrock;
mod chat_completions;
mod cohere;
mod generate_content;
mod history;
mod messages;
mod mistral;
mod ollama;
mod responses;
mod table;

use backstop_testkit::conformance::{Report, Subject, run_blocking};

/// Every provider, and how its server spells things.
fn subjects() -> Vec<Box<dyn Subject>> {
    let mut subjects: Vec<Box<dyn Subject>> = Vec::new();
    subjects.extend(chat_completions::subjects());
    subjects.extend(messages::subjects());
    subjects.extend(responses::subjects());
    subjects.extend(bedrock::subjects());
    subjects.extend(cohere::subjects());
    subjects.extend(mistral::subjects());
    subjects.extend(ollama::subjects());
    subjects.extend(generate_content::subjects());
    subjects
}

#[test]
fn every_provider_keeps_every_case_or_says_why_it_does_not_apply() {
    let mut reports: Vec<Report> = Vec::new();
    // A few at a time: each keeps sockets open.
    for some in subjects().chunks(4) {
        std::thread::scope(|scope| {
            let running: Vec<_> =
                some.iter().map(|subject| scope.spawn(|| run_blocking(subject.as_ref()))).collect();
            reports.extend(running.into_iter().map(|report| report.join().unwrap()));
        });
    }
    println!("{}", table::of(&reports));
    let failures: Vec<String> = reports
        .iter()
        .flat_map(|report| report.failures().map(|line| format!("{}: {line:?}", report.name())))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_kind_that_is_compiled_in_is_a_subject() {
    // A kind with two ways to ask is two subjects, whose names begin with that of the kind.
    let kind = |subject: Box<dyn Subject>| subject.name().split(' ').next().unwrap_or_default().to_owned();
    let mut subjects: Vec<String> = subjects().into_iter().map(kind).collect();
    subjects.sort();
    subjects.dedup();
    let in_process = ["local", "tiny"];
    let kinds: Vec<&str> = backstop::providers::kinds().iter().map(|kind| kind.name).collect();
    let mut kinds: Vec<&str> = kinds.into_iter().filter(|name| !in_process.contains(name)).collect();
    kinds.sort_unstable();
    assert_eq!(subjects, kinds);
}
