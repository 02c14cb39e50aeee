//! The conformance kit over every provider that is compiled in, as a table.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails where it stands")]

mod chat_completions;
mod table;

use backstop_testkit::conformance::{Report, Subject, run_blocking};

/// Every provider, and how its server spells things.
fn subjects() -> Vec<Box<dyn Subject>> {
    let mut subjects: Vec<Box<dyn Subject>> = Vec::new();
    subjects.extend(chat_completions::subjects());
    subjects
}

#[test]
fn every_provider_keeps_every_case_or_says_why_it_does_not_apply() {
    let reports: Vec<Report> = std::thread::scope(|scope| {
        let subjects = subjects();
        let running: Vec<_> =
            subjects.into_iter().map(|subject| scope.spawn(move || run_blocking(subject.as_ref()))).collect();
        running.into_iter().map(|report| report.join().unwrap()).collect()
    });
    println!("{}", table::of(&reports));
    let failures: Vec<String> = reports
        .iter()
        .flat_map(|report| report.failures().map(|line| format!("{}: {line:?}", report.name())))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_kind_that_is_compiled_in_is_a_subject() {
    let mut subjects: Vec<String> = subjects().iter().map(|subject| subject.name().to_owned()).collect();
    subjects.sort();
    let in_process = ["local", "tiny"];
    let kinds: Vec<&str> = backstop::providers::kinds().iter().map(|kind| kind.name).collect();
    let mut kinds: Vec<&str> = kinds.into_iter().filter(|name| !in_process.contains(name)).collect();
    kinds.sort_unstable();
    assert_eq!(subjects, kinds);
}
