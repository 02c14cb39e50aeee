//! Prints `docs/CONFIG.md`. Run by `cargo xtask docs`.

#![expect(clippy::print_stdout, reason = "printing the page is all it does")]

fn main() {
    print!("{}", backstop_config::reference_page());
}
