//! Commits, resets, and what happens after them.

use backstop_core::fallback::*;
use backstop_core::{ErrorKind, Verdict};

use crate::world::*;

fn streaming(names: &[&'static str]) -> World {
    let mut world = World::new(names);
    world.terms.mode = Mode::Stream;
    for name in names {
        world.says(name, [streams_after(40)]);
    }
    world
}

fn restarting(names: &[&'static str]) -> World {
    let mut world = streaming(names);
    world.policy.after_commit = AfterCommit::Restart;
    world
}

#[test]
fn the_first_content_commits_once() {
    let mut world = streaming(&["p/a"]);
    let call = world.call();
    assert_eq!(world.commits(call), [(AttemptId(0), false)]);
    assert!(world.answered(call));
}

#[test]
fn before_the_commit_a_stream_falls_over_silently() {
    let mut world = streaming(&["p/a", "q/b"]);
    world.says(
        "p/a",
        [vec![
            (10, Said::Opened),
            (10, Said::Progress),
            (10, Said::Failed(Facts::new(ErrorKind::Overloaded))),
        ]],
    );
    let call = world.call();
    assert_eq!(world.commits(call), [(AttemptId(1), false)]);
}

#[test]
fn after_the_commit_a_cut_ends_the_call_unless_the_policy_says_restart() {
    let mut world = streaming(&["p/a", "q/b"]);
    world.says("p/a", [cuts()]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a"]);
    assert_eq!(world.outcome(call), Some(Outcome::Interrupted(AttemptId(0))));
    assert_eq!(world.entries(call)[0].kind, Some(ErrorKind::Interrupted));
    assert_eq!(world.verdicts(call), [("p/a", Verdict::Stopped)]);
}

#[test]
fn a_restart_is_told_together_with_the_first_content_of_the_new_attempt() {
    let mut world = restarting(&["p/a", "q/b"]);
    world.says("p/a", [cuts()]);
    let call = world.begin();
    world.pass(ms(60));
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
    assert_eq!(world.commits(call), [(AttemptId(0), false)]);
    world.finish(call);
    assert_eq!(world.commits(call), [(AttemptId(0), false), (AttemptId(1), true)]);
    assert!(world.answered(call));
}

#[test]
fn the_partial_text_survives_if_every_later_target_fails() {
    let mut world = restarting(&["p/a", "q/b"]);
    world.policy.comebacks = Some(0);
    world.says("p/a", [cuts()]);
    world.says("q/b", [fails(ErrorKind::Server)]);
    let call = world.call();
    assert_eq!(world.commits(call), [(AttemptId(0), false)]);
    assert_eq!(world.outcome(call), Some(Outcome::Interrupted(AttemptId(0))));
    assert_eq!(world.verdicts(call), [("p/a", Verdict::NextTarget), ("q/b", Verdict::Exhausted)]);
}

#[test]
fn a_rule_that_stops_after_a_commit_interrupts() {
    let mut world = restarting(&["p/a", "q/b"]);
    world.rule(ErrorKind::Server, Rule::Stop);
    world.says("p/a", [cuts()]);
    world.says("q/b", [fails(ErrorKind::Server)]);
    let call = world.call();
    assert_eq!(world.outcome(call), Some(Outcome::Interrupted(AttemptId(0))));
    assert_eq!(world.verdicts(call)[1], ("q/b", Verdict::Stopped));
}

#[test]
fn what_breaks_off_comes_back_under_restart() {
    let mut world = restarting(&["p/a"]);
    world.says("p/a", [cuts(), streams_after(10)]);
    let call = world.call();
    assert_eq!(world.asked(call), ["p/a", "p/a"]);
    assert_eq!(world.verdicts(call)[0], ("p/a", Verdict::RetrySame));
    assert!(world.answered(call));
}

#[test]
fn a_stream_of_fifteen_minutes_under_the_default_deadline_may_restart() {
    let mut world = restarting(&["p/a", "q/b"]);
    let mut long = vec![(30_000, Said::Content); 30];
    long.push((10, Said::Failed(Facts::new(ErrorKind::BadReply))));
    world.says("p/a", [long]);
    world.says("q/b", [vec![(50_000, Said::Content), (10, Said::Done)]]);
    let call = world.call();
    assert!(world.answered(call));
    assert_eq!(world.asked(call), ["p/a", "q/b"]);
}

#[test]
fn the_new_leg_has_a_default_deadline_of_its_own() {
    let mut world = restarting(&["p/a", "q/b"]);
    let mut long = vec![(30_000, Said::Content); 30];
    long.push((10, Said::Failed(Facts::new(ErrorKind::BadReply))));
    world.says("p/a", [long]);
    world.policy.first_content = Some(secs(1000));
    world.policy.comebacks = Some(0);
    world.says("q/b", [hangs()]);
    let call = world.call();
    assert_eq!(world.outcome(call), Some(Outcome::Deadline));
    assert_eq!(world.ended_ms(call) - world.begun(call)[1], 600_000);
}

#[test]
fn a_stated_deadline_governs_everything() {
    let mut world = streaming(&["p/a"]);
    world.policy.deadline = Some(secs(60));
    world.says("p/a", [vec![(10_000, Said::Content); 100]]);
    let call = world.call();
    assert_eq!(world.ended_ms(call), 60_000);
    assert_eq!(world.outcome(call), Some(Outcome::Deadline));
}

#[test]
fn a_stream_that_falls_silent_after_its_commit_is_cut_by_the_idle_timer() {
    let mut world = streaming(&["p/a"]);
    world.says("p/a", [vec![(0, Said::Content)]]);
    let call = world.call();
    assert_eq!(world.ended_ms(call), 60_000);
    assert_eq!(world.outcome(call), Some(Outcome::Interrupted(AttemptId(0))));
    assert_eq!(world.entries(call)[0].phase, Some(backstop_core::Phase::Idle));
}

#[test]
fn an_empty_answer_is_handed_over_as_one() {
    let mut world = streaming(&["p/a"]);
    world.says("p/a", [ok()]);
    let call = world.call();
    assert_eq!(world.commits(call), [(AttemptId(0), false)]);
    assert!(world.answered(call));
}

#[test]
fn the_caller_leaves_and_everything_ends_at_once() {
    let mut world = streaming(&["p/a", "q/b"]);
    world.policy.hedge_after = Hedge::After(secs(1));
    world.says("p/a", [hangs()]);
    world.says("q/b", [hangs()]);
    let call = world.begin();
    world.pass(secs(2));
    world.tell(call, Event::Cancelled);
    assert_eq!(world.outcome(call), Some(Outcome::Cancelled));
    assert_eq!(world.aborted(call), 2);
    assert_eq!(world.verdicts(call), [("p/a", Verdict::Cancelled), ("q/b", Verdict::Cancelled)]);
    assert_eq!((world.standing("p/a"), world.standing("q/b")), (Standing::Ready, Standing::Ready));
}

#[test]
fn a_caller_who_leaves_during_a_sleep_sees_what_was_going_to_happen() {
    let mut world = streaming(&["p/a"]);
    world.says("p/a", [fails(ErrorKind::Server)]);
    let call = world.begin();
    world.pass(ms(100));
    assert!(world.is_waiting(call));
    world.tell(call, Event::Cancelled);
    assert_eq!(world.verdicts(call), [("p/a", Verdict::RetrySame)]);
}
