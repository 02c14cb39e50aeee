//! Scenarios of the fallback machine. Every name is a sentence; time is a number that the world moves.

mod choice;
mod health;
mod hedges;
mod limits;
mod rules;
mod streams;
mod table;
mod times;
mod trails;
mod world;
