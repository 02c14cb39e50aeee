//! Answers in one piece, of every provider: see the library.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| backstop_fuzz::whole(input));
