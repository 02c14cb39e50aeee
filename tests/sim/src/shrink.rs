//! From a broken invariant to the shortest run that breaks it.

use crate::cover::Cover;
use crate::run::{Failure, run};
use crate::world::{CALLS, Cut, World, plain};

/// Cuts away what the failure does not need: calls, targets, then whole features. The same failure always shrinks to
/// the same run.
pub(crate) fn shrink(seed: u64, number: u64, first: Box<Failure>) -> (Cut, Box<Failure>) {
    let mut best = (Cut::default(), first);
    let invariant = best.1.broken.invariant;
    let mut accept = |cut: Cut, best: &mut (Cut, Box<Failure>)| -> bool {
        let Some(world) = World::draw(seed, number, &cut) else { return false };
        match run(world, &cut, CALLS, true, &mut Cover::new()) {
            Err(failure) if failure.broken.invariant == invariant => {
                *best = (cut, failure);
                true
            }
            _ => false,
        }
    };
    // Nobody who arrives after the failing call began is needed, except those who were there meanwhile.
    let until = best.1.call + 1;
    for only in [vec![best.1.call], (0..until).collect(), (0..CALLS).collect()] {
        if accept(Cut { only: Some(only), ..Cut::default() }, &mut best) {
            break;
        }
    }
    for bit in plain::ALL {
        let cut = Cut { plain: best.0.plain | bit, ..best.0.clone() };
        accept(cut, &mut best);
    }
    fewer_calls(&mut best, &mut accept);
    for slot in 0..16u8 {
        let mut without = best.0.without.clone();
        without.push(slot);
        let cut = Cut { without, ..best.0.clone() };
        accept(cut, &mut best);
    }
    fewer_calls(&mut best, &mut accept);
    // Slots that are in no list anyway are not worth naming.
    for slot in best.0.without.clone() {
        let without = best.0.without.iter().copied().filter(|other| *other != slot).collect();
        let shorter = best.1.trace.len();
        let mut trial = best.clone();
        if accept(Cut { without, ..best.0.clone() }, &mut trial) && trial.1.trace.len() <= shorter {
            best = trial;
        }
    }
    best
}

/// Leaves out calls in ever smaller groups, as long as it still fails.
fn fewer_calls(
    best: &mut (Cut, Box<Failure>),
    accept: &mut impl FnMut(Cut, &mut (Cut, Box<Failure>)) -> bool,
) {
    let mut size = best.0.only.as_ref().map_or(1, |only| only.len().div_ceil(2));
    while size > 0 {
        let mut from = 0;
        while let Some(only) = best.0.only.clone().filter(|only| from < only.len() && only.len() > 1) {
            let fewer: Vec<usize> = only
                .iter()
                .enumerate()
                .filter(|(i, _)| *i < from || *i >= from + size)
                .map(|(_, c)| *c)
                .collect();
            if fewer.is_empty() || !accept(Cut { only: Some(fewer), ..best.0.clone() }, best) {
                from += size;
            }
        }
        size /= 2;
    }
}
