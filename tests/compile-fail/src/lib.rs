//! What does not compile, and what is said about it; see `tests/cases`.

#![forbid(unsafe_code)]
