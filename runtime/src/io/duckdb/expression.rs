//! `partition_expr`: a column, or an SQL expression, that tells partitions apart.

use crate::asset::{AssetSpec, PartitionExpr};
use crate::duckdb::quote;
use crate::error::{Error, ErrorKind, Result};

use super::names::same;

/// The expression as SQL has it, for a table with these columns.
pub(super) fn sql<'c>(expression: &str, columns: impl IntoIterator<Item = &'c str>) -> String {
    let expression = expression.trim();
    match columns.into_iter().find(|column| same(column, expression)) {
        Some(column) => quote(column),
        None => format!("({expression})"),
    }
}

/// Whether the expression is but the name of a column, by its looks.
pub(super) fn is_name(expression: &str) -> bool {
    let expression = expression.trim();
    expression.chars().all(|c| c.is_alphanumeric() || c == '_') && !expression.starts_with(|c: char| c.is_ascii_digit())
}

/// Refuses what would be more than an expression where it is put between parentheses.
pub(super) fn check(asset: &AssetSpec) -> Result<()> {
    let expressions: Vec<&str> = match &asset.partition_expr {
        None => Vec::new(),
        Some(PartitionExpr::One(expression)) => vec![expression],
        Some(PartitionExpr::Dimensions(all)) => all.iter().map(|(_, expression)| expression.as_str()).collect(),
    };
    for (index, expression) in expressions.iter().enumerate() {
        if let Some(why) = wrong(expression) {
            let message = format!("`partition_expr = {expression:?}` is not an SQL expression: {why}");
            return Err(Error::new(ErrorKind::Partitions, message)
                .help("name a column, or write one expression such as `CAST(time AS TIMESTAMP)`"));
        }
        if expressions[..index].iter().any(|other| same(other.trim(), expression.trim())) {
            let message = format!("two dimensions are told apart by one expression, `{expression}`");
            return Err(Error::new(ErrorKind::Partitions, message).help("name a column of its own for each dimension"));
        }
    }
    Ok(())
}

fn wrong(expression: &str) -> Option<&'static str> {
    if expression.trim().is_empty() {
        return Some("it is empty");
    }
    let mut depth = 0_i32;
    let mut quoted: Option<char> = None;
    let mut before = ' ';
    for c in expression.chars() {
        match (quoted, c) {
            (Some(end), c) if c == end => quoted = None,
            (None, '\'' | '"') => quoted = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ';') => return Some("it has a `;`"),
            (None, '?' | '$') => return Some("it has a parameter"),
            (None, '-') if before == '-' => return Some("it has a comment"),
            (None, '*') if before == '/' => return Some("it has a comment"),
            _ => {}
        }
        if depth < 0 {
            return Some("a `)` closes nothing");
        }
        before = c;
    }
    match (quoted, depth) {
        (Some(_), _) => Some("a quote is not closed"),
        (None, 0) => None,
        _ => Some("a `(` is not closed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_quoted_and_anything_else_is_an_expression() {
        let columns = ["Time", "a \"b\""];
        assert_eq!(sql(" time ", columns), "\"Time\"");
        assert_eq!(sql("a \"b\"", columns), "\"a \"\"b\"\"\"");
        assert_eq!(sql("CAST(time AS TIMESTAMP)", columns), "(CAST(time AS TIMESTAMP))");
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for bad in ["", " ", "a; DROP TABLE t", "a) OR (1 = 1", "(a", "'a", "a -- x", "a /* x", "a = ?", "\"a"] {
            assert!(wrong(bad).is_some(), "{bad}");
        }
        for good in ["a", "CAST(a AS DATE)", "replace(a, ';)', '(')", "a - -1", "\"a;b\"", "a::DATE"] {
            assert_eq!(wrong(good), None, "{good}");
        }
    }
}
