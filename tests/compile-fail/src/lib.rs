//! What does not compile, and what is said about it; see `tests/cases`.
