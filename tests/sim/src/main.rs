//! Seeded simulation of the fallback machine: thousands of calls on failing targets in virtual time, and every
//! invariant checked after every step.
//!
//! ```text
//! backstop-sim [--calls N] [--seed S] [--world W] [--trace] [--only 3,17] [--without 1,4] [--plain N]
//! ```
//!
//! The last three narrow a world down; the report of a failure names them.

#![expect(clippy::print_stdout, reason = "a report is what it is run for")]

mod behaviour;
mod check;
mod cover;
mod enumerate;
mod lasting;
mod rng;
mod run;
mod shrink;
mod trace;
mod world;

use std::process::ExitCode;

use cover::Cover;
use run::{Failure, Tally};
use world::{CALLS, Cut, World};

/// From so many calls on, everything there is must have been met.
const COVERS: u64 = 100_000;

#[derive(Debug)]
struct Args {
    calls: u64,
    seed: u64,
    world: Option<u64>,
    trace: bool,
    cut: Cut,
}

fn main() -> ExitCode {
    let args = match parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(problem) => {
            println!("error: {problem}");
            return ExitCode::from(2);
        }
    };
    // A panic of the machine is a broken invariant, told with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    if simulate(&args) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Args, String> {
    let mut args = Args { calls: 20_000, seed: 1, world: None, trace: false, cut: Cut::default() };
    while let Some(word) = words.next() {
        if word == "--trace" {
            args.trace = true;
            continue;
        }
        let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
        match word.as_str() {
            "--calls" => args.calls = number(&value)?,
            "--seed" => args.seed = number(&value)?,
            "--world" => args.world = Some(number(&value)?),
            "--only" => args.cut.only = Some(list(&value)?),
            "--without" => args.cut.without = list(&value)?,
            "--plain" => args.cut.plain = number(&value)?,
            _ => return Err(format!("unknown argument {word}")),
        }
    }
    Ok(args)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.replace('_', "").parse().map_err(|_| format!("{text} is not a number"))
}

fn list<T: std::str::FromStr>(text: &str) -> Result<Vec<T>, String> {
    text.split(',').map(number).collect()
}

#[expect(clippy::disallowed_methods, reason = "calls per second are measured, nothing depends on them")]
fn simulate(args: &Args) -> bool {
    let begun = std::time::Instant::now();
    let mut cover = Cover::new();
    let mut total = Tally::default();
    if let Some(number) = args.world {
        return one_world(args, number, &mut cover);
    }
    match lasting::lasting() {
        Ok(worlds) => println!("{worlds} lasting worlds"),
        Err(broken) => {
            println!("invariant: {}\n{}", broken.invariant, broken.detail);
            others(args.seed, 0, broken.invariant);
            return false;
        }
    }
    match enumerate::enumerate(&mut cover) {
        Ok(worlds) => println!("{worlds} small worlds enumerated"),
        Err((world, failure)) => {
            println!(
                "invariant: {}\n{}\nsmall world: {world}",
                failure.broken.invariant, failure.broken.detail
            );
            print_trace(&failure, true);
            others(args.seed, 0, failure.broken.invariant);
            return false;
        }
    }
    let mut number = 0;
    while total.calls < args.calls {
        let want = usize::try_from(args.calls - total.calls).unwrap_or(CALLS).min(CALLS);
        let Some(world) = World::draw(args.seed, number, &Cut::default()) else { return false };
        match run::run(world, &Cut::default(), want, false, &mut cover) {
            Ok(tally) => {
                total.calls += tally.calls;
                total.steps += tally.steps;
                if number == 0 && !replays(args.seed, want, tally) {
                    return false;
                }
            }
            Err(failure) => {
                let first = failure.broken.invariant;
                report(args.seed, number, failure);
                others(args.seed, number + 1, first);
                return false;
            }
        }
        number += 1;
    }
    let seconds = begun.elapsed().as_secs_f64();
    print!("{}", cover.table());
    println!(
        "{} calls, {} steps, {number} worlds, seed {}, {seconds:.1} s, {:.0} calls/s",
        total.calls,
        total.steps,
        args.seed,
        total.calls as f64 / seconds
    );
    let missing = cover.missing();
    if !missing.is_empty() {
        println!("{} of {} things were never met: {}", missing.len(), cover.items(), missing.join("; "));
    }
    missing.is_empty() || args.calls < COVERS
}

/// The same seed gives the same run.
fn replays(seed: u64, calls: usize, tally: Tally) -> bool {
    let Some(world) = World::draw(seed, 0, &Cut::default()) else { return false };
    let again = run::run(world, &Cut::default(), calls, false, &mut Cover::new());
    let same = again.is_ok_and(|again| again.digest == tally.digest && again.steps == tally.steps);
    if !same {
        println!("invariant: replay\nworld 0 of seed {seed} runs otherwise the second time");
    }
    same
}

fn one_world(args: &Args, number: u64, cover: &mut Cover) -> bool {
    let Some(world) = World::draw(args.seed, number, &args.cut) else {
        println!("error: nothing is left of world {number}");
        return false;
    };
    match run::run(world, &args.cut, CALLS, args.trace, cover) {
        Ok(tally) => {
            println!("world {number} of seed {}: {} calls, {} steps", args.seed, tally.calls, tally.steps);
            true
        }
        Err(failure) => {
            println!("invariant: {}\n{}", failure.broken.invariant, failure.broken.detail);
            println!("call {} at {:?}", failure.call, failure.at);
            print_trace(&failure, args.trace);
            false
        }
    }
}

fn report(seed: u64, number: u64, failure: Box<Failure>) {
    println!("invariant: {}", failure.broken.invariant);
    println!("seed {seed}, world {number}, call {}: {}", failure.call, failure.broken.detail);
    let (cut, failure) = shrink::shrink(seed, number, failure);
    println!("the shortest run that breaks it: {}", failure.broken.detail);
    print_trace(&failure, false);
    let mut line = format!("cargo xtask sim --seed {seed} --world {number} --trace");
    let join = |numbers: Vec<String>| numbers.join(",");
    if let Some(only) = &cut.only {
        line.push_str(&format!(" --only {}", join(only.iter().map(usize::to_string).collect())));
    }
    if !cut.without.is_empty() {
        line.push_str(&format!(" --without {}", join(cut.without.iter().map(u8::to_string).collect())));
    }
    if cut.plain != 0 {
        line.push_str(&format!(" --plain {}", cut.plain));
    }
    println!("{line}");
}

/// How many worlds are looked through for what else is broken.
const OTHERS: u64 = 200;

fn others(seed: u64, from: u64, first: &'static str) {
    let mut named = vec![first];
    for number in from..from + OTHERS {
        let Some(world) = World::draw(seed, number, &Cut::default()) else { continue };
        let run = run::run(world, &Cut::default(), CALLS, false, &mut Cover::new());
        if let Err(invariant) = run.map_err(|failure| failure.broken.invariant)
            && !named.contains(&invariant)
        {
            println!("also broken, in world {number}:\ninvariant: {invariant}");
            named.push(invariant);
        }
    }
}

/// The failing call's lines; all of them where asked for, or where there are few.
fn print_trace(failure: &Failure, all: bool) {
    let all = all || failure.trace.len() <= 80;
    for (call, line) in &failure.trace {
        if all || *call == failure.call {
            println!("{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Result<Args, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn a_short_run_keeps_every_invariant() {
        assert!(simulate(&args("--calls 1_000 --seed 7").unwrap()));
    }

    #[test]
    fn the_line_a_failure_names_is_understood() {
        let args = args("--seed 3 --world 12 --trace --only 3,17 --without 1 --plain 5").unwrap();
        assert_eq!((args.seed, args.world, args.trace), (3, Some(12), true));
        assert_eq!((args.cut.only, args.cut.without, args.cut.plain), (Some(vec![3, 17]), vec![1], 5));
    }

    #[test]
    fn nonsense_is_refused_with_what_is_wrong() {
        for (line, problem) in [
            ("--calls many", "many is not a number"),
            ("--seed", "wants a value"),
            ("--fast 1", "unknown argument --fast"),
        ] {
            assert!(args(line).unwrap_err().contains(problem), "{line}");
        }
    }
}
