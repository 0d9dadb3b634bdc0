//! Mistakes that are found at compile time, each with the message it gets.

/// Every file is one mistake, or under `several` some independent ones. What must compile is in `pass`.
#[test]
fn compile_fail() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/cases/*/*.rs");
}
