//! Binary messages with checksums: see the library.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| backstop_fuzz::stream(&backstop_fuzz::FRAMES, input));
