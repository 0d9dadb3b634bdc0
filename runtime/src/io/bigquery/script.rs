//! The statements of a commit. Values are literals here: a script of several statements is no place for parameters.

use serde_json::json;

use super::schema::Def;
use super::sql::{Kind, Sql, quoted, quoted_list};
use super::stage::Piece;
use super::table::{COMMITS, DELETED, Place, STORED};
use crate::asset::Mode;
use crate::commit::CommitId;
use crate::io::StoreRequest;
use crate::io::merge::{Matched, Merge};
use crate::slice::Slice;

/// What a script says that found rows where the mode lets none be.
pub(super) const PRESENT: &str = "lakewright: the slice has rows";

/// How many tables one statement reads.
const SOURCES: usize = 500;

/// Everything that a commit is made of.
pub(super) struct Script<'a> {
    pub(super) place: &'a Place,
    pub(super) request: &'a StoreRequest<'a>,
    pub(super) id: &'a CommitId,
    /// The staging tables.
    pub(super) sources: Vec<Place>,
    /// The columns that all of them have.
    pub(super) columns: &'a [Def],
    /// What is written.
    pub(super) slice: &'a Slice,
}

/// What is the same for the same commit of the same pieces.
pub(super) fn digest(id: &CommitId, pieces: &[(Piece, Slice)]) -> String {
    let tables: Vec<&str> = pieces.iter().map(|(piece, _)| piece.table.as_str()).collect();
    let digest = blake3::hash(format!("{id}\n{}", tables.join("\n")).as_bytes());
    digest.to_hex()[..40].to_owned()
}

fn text(value: &str) -> String {
    Sql::default().value(Kind::Text, value).inline()
}

impl Script<'_> {
    fn names(&self) -> String {
        quoted_list(self.columns.iter().map(|def| def.name.as_str()))
    }

    fn select(&self, sources: &[Place]) -> String {
        let one = |source: &Place| format!("SELECT {} FROM {}", self.names(), source.sql());
        sources.iter().map(one).collect::<Vec<_>>().join(" UNION ALL ")
    }

    /// Adds the new rows, or those of them that a predicate is of.
    fn insert(&self, only: Option<&str>) -> String {
        let rows = |sources: &[Place]| match only {
            None => self.select(sources),
            Some(only) => format!("SELECT {} FROM ({}) WHERE {only}", self.names(), self.select(sources)),
        };
        let one = |sources: &[Place]| format!("INSERT INTO {} ({}) {};\n", self.place.sql(), self.names(), rows(sources));
        self.sources.chunks(SOURCES).map(one).collect()
    }

    /// Ends the transaction with nothing done if there are rows that the predicate is of.
    fn unless_present(&self, part: &str) -> String {
        let (table, message) = (self.place.sql(), text(PRESENT));
        format!("IF EXISTS (SELECT 1 FROM {table} WHERE {part}) THEN\nRAISE USING MESSAGE = {message};\nEND IF;\n")
    }

    fn remember(&self) -> String {
        let asset = self.request.asset;
        let info = json!({
            "attempt": self.request.run.attempt, "code_version": asset.code_version, "commit": self.id.to_string(),
            "mode": self.request.mode.name(),
        });
        remember(self.place, self.request, &self.id.application(), self.id.number, self.slice, STORED, &info.to_string())
    }

    /// Unless this commit or a later one of its kind has landed.
    fn unless_landed(&self, statements: &str) -> String {
        format!(
            "IF NOT EXISTS (SELECT 1 FROM {} WHERE table_name = {} AND application = {} AND number >= {}) THEN\n\
            {statements}{}END IF;\n",
            self.place.beside(COMMITS).sql(),
            text(&self.place.table),
            text(&self.id.application()),
            self.id.number,
            self.remember(),
        )
    }

    /// The same in one transaction.
    fn once(&self, statements: &str) -> String {
        format!("BEGIN TRANSACTION;\n{}COMMIT TRANSACTION;", self.unless_landed(statements))
    }

    /// Rows are added, or take the place of those that the predicate is of; of all, if there is none.
    pub(super) fn replace_rows(&self, predicate: Option<&str>) -> String {
        let table = self.place.sql();
        let part = predicate.unwrap_or("TRUE");
        // Of two transactions that only add rows neither would stop the other, though both are of one commit and neither sees that the
        // other remembers it. So one that adds deletes no rows, and a mode that lets no rows be there deletes all none of them.
        let delete = |part: &str| format!("DELETE FROM {table} WHERE {part};\n");
        let before = match self.request.mode {
            Mode::Append => delete("FALSE"),
            Mode::Error | Mode::Ignore => self.unless_present(part) + &delete(part),
            _ => delete(part),
        };
        self.once(&format!("{before}{}", self.insert(None)))
    }

    /// Rows and columns take the place of those that are there. A transaction does not replace tables, but one statement does, and what
    /// comes after it may be done again.
    pub(super) fn replace_table(&self) -> String {
        let column = |def: &Def| format!("{} {}", quoted(&def.name), def.sql_type());
        let columns: Vec<String> = self.columns.iter().map(column).collect();
        let table = self.place.sql();
        self.unless_landed(&format!(
            "CREATE OR REPLACE TABLE {table} ({}) AS {};\n",
            columns.join(", "),
            self.select(&self.sources)
        ))
    }

    /// New rows meet those that the predicate is of, by the columns that tell rows apart. New rows of what is absent match none, and are
    /// added as they are; if somebody has stored rows there in the meantime, nothing happens.
    pub(super) fn merge(&self, merge: &Merge, predicate: Option<&str>, absent: Option<&str>) -> String {
        // With names of their own, new values are never taken for stored ones in the predicate.
        let new = |name: &str| {
            let index = self.columns.iter().position(|def| def.name == name).unwrap_or_default();
            quoted(&format!("lakewright_new_{index}"))
        };
        let renamed: Vec<String> =
            self.columns.iter().map(|def| format!("{} AS {}", quoted(&def.name), new(&def.name))).collect();
        let others = absent.map(|absent| format!(" WHERE NOT COALESCE({absent}, FALSE)")).unwrap_or_default();
        let source = format!("SELECT {} FROM ({}){others}", renamed.join(", "), self.select(&self.sources));
        let mut on: Vec<String> = merge.on.iter().map(|name| format!("{} = {}", quoted(name), new(name))).collect();
        on.extend(predicate.map(str::to_owned));
        let mut statement = format!("MERGE INTO {} USING ({source}) ON {}\n", self.place.sql(), on.join(" AND "));
        let without_choices = statement.len();
        let rest: Vec<&Def> = self.columns.iter().filter(|def| !merge.on.contains(&def.name)).collect();
        match merge.matched {
            Matched::Update if !rest.is_empty() => {
                let set: Vec<String> = rest.iter().map(|def| format!("{} = {}", quoted(&def.name), new(&def.name))).collect();
                statement += &["WHEN MATCHED THEN UPDATE SET ", &set.join(", "), "\n"].concat();
            }
            Matched::Delete => statement.push_str("WHEN MATCHED THEN DELETE\n"),
            Matched::Update | Matched::Ignore => {}
        }
        if merge.insert {
            let values: Vec<String> = self.columns.iter().map(|def| new(&def.name)).collect();
            let (names, values) = (self.names(), values.join(", "));
            statement += &["WHEN NOT MATCHED THEN INSERT (", &names, ") VALUES (", &values, ")\n"].concat();
        }
        if merge.delete_unmatched {
            let part = predicate.map(|predicate| format!(" AND {predicate}")).unwrap_or_default();
            statement += &["WHEN NOT MATCHED BY SOURCE", &part, " THEN DELETE\n"].concat();
        }
        // Every choice leaves it as it is.
        if statement.len() == without_choices {
            statement.push_str("WHEN NOT MATCHED BY SOURCE AND FALSE THEN DELETE\n");
        }
        let added = absent.map(|absent| (self.unless_present(absent), self.insert(Some(absent))));
        let (before, after) = added.unwrap_or_default();
        self.once(&format!("{before}{};\n{after}", statement.trim_end()))
    }

    /// How many new rows have a null in what tells rows apart, and how many values of it are in several.
    pub(super) fn ambiguous(&self, merge: &Merge) -> Sql {
        let on = quoted_list(merge.on.iter().map(String::as_str));
        let null = merge.on.iter().map(|name| format!("{} IS NULL", quoted(name))).collect::<Vec<_>>().join(" OR ");
        let source = self.select(&self.sources);
        Sql::text(format!(
            "SELECT CAST((SELECT COUNT(*) FROM ({source}) WHERE {null}) AS STRING), \
            CAST((SELECT COUNT(*) FROM (SELECT {on} FROM ({source}) GROUP BY {on} HAVING COUNT(*) > 1)) AS STRING)"
        ))
    }
}

/// Takes the rows that the predicate is of away, and remembers that.
pub(super) fn delete(place: &Place, request: &StoreRequest<'_>, predicate: &str) -> String {
    format!(
        "BEGIN TRANSACTION;\nDELETE FROM {} WHERE {predicate};\n{}COMMIT TRANSACTION;",
        place.sql(),
        remember(place, request, "lakewright/delete", 0, request.slice, DELETED, "{}")
    )
}

fn remember(
    place: &Place,
    request: &StoreRequest<'_>,
    application: &str,
    number: i64,
    slice: &Slice,
    what: &str,
    info: &str,
) -> String {
    let values = [
        text(&place.table),
        text(application),
        number.to_string(),
        text(&slice.to_string()),
        text(what),
        text(&request.run.run),
        text(&request.asset.key.to_string()),
        text(info),
        "CURRENT_TIMESTAMP()".to_owned(),
    ];
    let columns = "table_name, application, number, slice, what, run, asset, info, committed_at";
    format!("INSERT INTO {} ({columns}) VALUES ({});\n", place.beside(COMMITS).sql(), values.join(", "))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::asset::{AssetBuilder, ValueKind};
    use crate::exec::SystemEnv;
    use crate::io::RunInfo;

    /// The statements of a commit in this mode, without the row that remembers it.
    fn lines(mode: Mode, predicate: Option<&str>, merge: Option<(&Merge, Option<&str>)>) -> Vec<String> {
        let asset = AssetBuilder::new("t", ValueKind::Table)
            .mode(mode)
            .body(|call| async move { call.produce_frame(polars::prelude::DataFrame::default()) });
        let asset = asset.unwrap();
        let run = RunInfo::new("run", 1);
        let place = Place { project: "p".into(), dataset: "d".into(), table: "t".into() };
        let request = StoreRequest::new(&asset, &Slice::Whole, &run, Arc::new(SystemEnv::new()));
        let columns = [Def::new("id", "INT64"), Def::new("n", "STRING")];
        let id = CommitId::new("log", &asset.key, &Slice::Whole, 7);
        let script = Script {
            place: &place,
            request: &request,
            id: &id,
            sources: vec![place.beside("s1"), place.beside("s2")],
            columns: &columns,
            slice: &Slice::Whole,
        };
        let text = match merge {
            Some((merge, absent)) => script.merge(merge, predicate, absent),
            None => script.replace_rows(predicate),
        };
        text.lines().filter(|line| !line.starts_with("INSERT INTO `p`.`d`.`_lakewright_commits`")).map(str::to_owned).collect()
    }

    const INSERT: &str =
        "INSERT INTO `p`.`d`.`t` (`id`, `n`) SELECT `id`, `n` FROM `p`.`d`.`s1` UNION ALL SELECT `id`, `n` FROM `p`.`d`.`s2`;";

    #[test]
    fn a_slice_is_replaced_in_one_transaction_unless_a_later_commit_has_landed() {
        let lines = lines(Mode::Overwrite, Some("`n` = 'x'"), None);
        assert_eq!(lines[0], "BEGIN TRANSACTION;");
        assert!(lines[1].starts_with("IF NOT EXISTS (SELECT 1 FROM `p`.`d`.`_lakewright_commits` WHERE table_name = 't' AND "));
        assert!(lines[1].ends_with(" AND number >= 7) THEN"), "{}", lines[1]);
        assert_eq!(lines[2..], ["DELETE FROM `p`.`d`.`t` WHERE `n` = 'x';", INSERT, "END IF;", "COMMIT TRANSACTION;"]);
    }

    #[test]
    fn only_a_whole_table_is_deleted_whole() {
        assert_eq!(lines(Mode::Overwrite, None, None)[2], "DELETE FROM `p`.`d`.`t` WHERE TRUE;");
        let refusing = lines(Mode::Error, Some("`n` = 'x'"), None);
        assert_eq!(refusing[2], "IF EXISTS (SELECT 1 FROM `p`.`d`.`t` WHERE `n` = 'x') THEN");
        assert!(refusing[3].starts_with("RAISE USING MESSAGE"));
    }

    #[test]
    fn adding_deletes_nothing_and_changes_the_table_so_that_two_of_one_commit_conflict() {
        let lines = lines(Mode::Append, Some("`n` = 'x'"), None);
        assert!(lines[1].starts_with("IF NOT EXISTS (SELECT 1 FROM `p`.`d`.`_lakewright_commits`"), "{}", lines[1]);
        assert_eq!(lines[2..], ["DELETE FROM `p`.`d`.`t` WHERE FALSE;", INSERT, "END IF;", "COMMIT TRANSACTION;"]);
    }

    #[test]
    fn merging_looks_at_the_slice_only() {
        let merge = Merge { on: vec!["id".into()], matched: Matched::Update, insert: true, delete_unmatched: true };
        let lines = lines(Mode::Merge, Some("(`n` = 'x')"), Some((&merge, None)));
        assert!(lines[2].ends_with(" ON `id` = `lakewright_new_0` AND (`n` = 'x')"), "{}", lines[2]);
        assert_eq!(
            lines[3..6],
            [
                "WHEN MATCHED THEN UPDATE SET `n` = `lakewright_new_1`",
                "WHEN NOT MATCHED THEN INSERT (`id`, `n`) VALUES (`lakewright_new_0`, `lakewright_new_1`)",
                "WHEN NOT MATCHED BY SOURCE AND (`n` = 'x') THEN DELETE;",
            ]
        );
    }

    #[test]
    fn what_is_absent_is_added_and_does_not_merge() {
        let merge = Merge { on: vec!["id".into()], matched: Matched::Update, insert: false, delete_unmatched: false };
        let lines = lines(Mode::Merge, Some("(`n` IN ('x', 'y'))"), Some((&merge, Some("(`n` = 'y')"))));
        assert_eq!(lines[2], "IF EXISTS (SELECT 1 FROM `p`.`d`.`t` WHERE (`n` = 'y')) THEN");
        assert!(lines[3].starts_with("RAISE USING MESSAGE"));
        assert_eq!(lines[4], "END IF;");
        assert!(lines[5].starts_with("MERGE INTO `p`.`d`.`t` USING ("), "{}", lines[5]);
        assert!(lines[5].contains("`p`.`d`.`s2`) WHERE NOT COALESCE((`n` = 'y'), FALSE)) ON "), "{}", lines[5]);
        assert_eq!(lines[6], "WHEN MATCHED THEN UPDATE SET `n` = `lakewright_new_1`;");
        assert!(lines[7].starts_with("INSERT INTO `p`.`d`.`t` (`id`, `n`) SELECT `id`, `n` FROM (SELECT "), "{}", lines[7]);
        assert!(lines[7].ends_with(" FROM `p`.`d`.`s2`) WHERE (`n` = 'y');"), "{}", lines[7]);
        assert_eq!(lines[8..], ["END IF;", "COMMIT TRANSACTION;"]);
    }
}
