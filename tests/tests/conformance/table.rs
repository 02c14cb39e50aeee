//! Providers × cases, for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use backstop_testkit::conformance::{Outcome, Report};

/// A row a case, a column a provider; below it, why cases do not apply.
pub(crate) fn of(reports: &[Report]) -> String {
    let mut table = String::new();
    for (column, report) in reports.iter().enumerate() {
        let count =
            |wanted: fn(&Outcome) -> bool| report.lines().iter().filter(|line| wanted(&line.outcome)).count();
        let passed = count(|outcome| *outcome == Outcome::Passed);
        let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
        let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
        let name = report.name();
        writeln!(
            table,
            "{:>3} {name:<14} {passed:>3} passed {skipped:>3} skipped {failed:>3} failed",
            column + 1
        )
        .unwrap();
    }
    write!(table, "\n{:<64}", "+ passed   . skipped   F failed").unwrap();
    (1..=reports.len()).for_each(|column| write!(table, "{column:>3}").unwrap());
    table.push('\n');
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let cases = reports.first().map(Report::lines).unwrap_or_default();
    for (row, case) in cases.iter().enumerate() {
        write!(table, "{:<64}", case.case).unwrap();
        for report in reports {
            let mark = match report.lines().get(row).map(|line| &line.outcome) {
                Some(Outcome::Passed) => '+',
                Some(Outcome::Skipped(reason)) => {
                    let places = reasons.entry(reason).or_default();
                    let place = report.name().to_owned();
                    if places.last() != Some(&place) {
                        places.push(place);
                    }
                    '.'
                }
                _ => 'F',
            };
            write!(table, "{mark:>3}").unwrap();
        }
        table.push('\n');
    }
    table.push_str("\nskipped because\n");
    for (reason, mut places) in reasons {
        places.sort();
        places.dedup();
        writeln!(table, "  {reason}: {}", places.join(", ")).unwrap();
    }
    table
}
