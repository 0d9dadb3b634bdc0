//! Mistakes that are found at compile time, each with the message it gets.

/// The mistakes, and what must compile although it looks like one. Everything is one project, so that it is built once.
#[test]
fn compile_fail() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/cases/*/*.rs");
    cases.pass("tests/pass/*.rs");
}
