//! Statuses, headers and bodies that say no, to every provider: see the library.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| backstop_fuzz::refusal(input));
