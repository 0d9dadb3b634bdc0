//! Section 5: staged is not visible, committed is visible once, and what came later stays.

use std::sync::Arc;

use super::bench::{Bench, LOG, id};
use super::breach::{Breach, Verdict, refused};
use super::content::Content;
use crate::commit::CommitId;
use crate::error::ErrorKind;
use crate::io::{CommitState, Staged};
use crate::slice::Slice;

const WHOLE: &Slice = &Slice::Whole;

pub(super) async fn what_is_staged_is_not_visible(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    let first = bench.stage_sample(&asset, WHOLE, 1).await?;
    bench.expect(&asset, WHOLE, None, "after it was staged and not committed").await?;
    let described = bench.describe(&asset, WHOLE).await?;
    ensure!(!described.exists, "`describe` sees what was only staged: {described:?}");
    let state = bench.state(&asset, WHOLE, 1).await?;
    ensure!(state == CommitState::Absent, "a commit that was only staged is {state:?}");
    bench.commit(&asset, WHOLE, &[first], 1).await?;
    let before = bench.describe(&asset, WHOLE).await?;
    let second = bench.stage_sample(&asset, WHOLE, 2).await?;
    bench.expect_sample(&asset, WHOLE, 1, "after something else was staged").await?;
    let after = bench.describe(&asset, WHOLE).await?;
    ensure!(before == after, "`describe` sees what was only staged: {before:?} became {after:?}");
    bench.commit(&asset, WHOLE, &[second], 2).await?;
    bench.expect_sample(&asset, WHOLE, 2, "after it was committed").await?;
    Ok(())
}

pub(super) async fn what_is_staged_travels_as_text(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    let staged = bench.stage_sample(&asset, WHOLE, 1).await?;
    let travelled = travel(&staged)?;
    let other = bench.again().await;
    other.commit(&asset, WHOLE, &[travelled], 1).await?;
    bench.expect_sample(&asset, WHOLE, 1, "after another instance committed what was staged here").await?;
    let staged = bench.stage_sample(&asset, WHOLE, 2).await?;
    other.store.discard(other.request(&asset, WHOLE), vec![travel(&staged)?]).await?;
    bench.expect_sample(&asset, WHOLE, 1, "after another instance discarded what was staged here").await?;
    Ok(())
}

fn travel(staged: &Staged) -> Verdict<Staged> {
    let text = serde_json::to_string(staged).map_err(|error| Breach::new(format!("`Staged` cannot be written: {error}")))?;
    let back: Staged = serde_json::from_str(&text).map_err(|error| Breach::new(format!("`Staged` cannot be read: {error}")))?;
    ensure!(back == *staged, "`Staged` comes back from JSON as something else: {staged:?} as {back:?}");
    Ok(back)
}

pub(super) async fn discarding_leaves_what_readers_see(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    let discard = |staged: &Staged| bench.store.discard(bench.request(&asset, WHOLE), vec![staged.clone()]);
    let never = bench.stage_sample(&asset, WHOLE, 9).await?;
    discard(&never).await?;
    bench.expect(&asset, WHOLE, None, "after it was discarded").await?;
    discard(&never).await?;
    let first = bench.stage_sample(&asset, WHOLE, 1).await?;
    bench.commit(&asset, WHOLE, std::slice::from_ref(&first), 1).await?;
    discard(&first).await?;
    bench.expect_sample(&asset, WHOLE, 1, "after what had been committed was discarded").await?;
    let second = bench.stage_sample(&asset, WHOLE, 2).await?;
    discard(&second).await?;
    bench.expect_sample(&asset, WHOLE, 1, "after something else was staged and discarded").await?;
    bench.put_sample(&asset, WHOLE, 3, 3).await?;
    bench.expect_sample(&asset, WHOLE, 3, "after a discard and a commit").await?;
    Ok(())
}

pub(super) async fn a_commit_is_made_once(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    let first = [bench.stage_sample(&asset, WHOLE, 1).await?];
    let landed = bench.commit(&asset, WHOLE, &first, 1).await?;
    ensure!(!landed.already, "the first commit says that it had landed before");
    let before = bench.describe(&asset, WHOLE).await?;
    for other in [false, true] {
        let on = if other { &bench.again().await } else { bench };
        let again = on.commit(&asset, WHOLE, &first, 1).await?;
        ensure!(again.already, "the same commit again does not say that it had landed before (`Committed::already`)");
        ensure!(
            again.version == landed.version,
            "the same commit again is version {:?} and was {:?}",
            again.version,
            landed.version
        );
    }
    let after = bench.describe(&asset, WHOLE).await?;
    ensure!(before == after, "the same commit again changed what is stored: {before:?} became {after:?}");
    bench.expect_sample(&asset, WHOLE, 1, "after the same commit was made again").await?;
    Ok(())
}

pub(super) async fn a_retry_commits_once(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    bench.put_sample(&asset, WHOLE, 1, 1).await?;
    // Another attempt at the same step: it does not know that the commit landed, and has staged anew.
    let again = bench.put_sample(&asset, WHOLE, 1, 1).await?;
    ensure!(again.already, "another attempt at a commit that landed does not say so (`Committed::already`)");
    bench.expect_sample(&asset, WHOLE, 1, "after another attempt at a commit that had landed").await?;
    Ok(())
}

pub(super) async fn an_older_commit_is_refused(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    let old = bench.stage_sample(&asset, WHOLE, 1).await?;
    bench.put_sample(&asset, WHOLE, 2, 5).await?;
    let outcome = bench.commit(&asset, WHOLE, std::slice::from_ref(&old), 3).await;
    refused(outcome, &[ErrorKind::Superseded], "commit 3 after commit 5 of the same slice")?;
    bench.store.discard(bench.request(&asset, WHOLE), vec![old]).await?;
    bench.expect_sample(&asset, WHOLE, 2, "after an older commit was refused").await?;
    let ids = [id(&asset, WHOLE, 3), id(&asset, WHOLE, 5), id(&asset, WHOLE, 6)];
    let states = bench.store.committed(bench.request(&asset, WHOLE), &ids).await?;
    let wanted = [CommitState::Superseded, CommitState::Committed, CommitState::Absent];
    ensure!(states == wanted, "after commit 5, the states of 3, 5 and 6 are {states:?} and not {wanted:?}");
    Ok(())
}

pub(super) async fn logs_count_for_themselves(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    bench.put_sample(&asset, WHOLE, 1, 9).await?;
    let stranger = CommitId::new("another-log", &asset.key, WHOLE, 1);
    let states = bench.store.committed(bench.request(&asset, WHOLE), std::slice::from_ref(&stranger)).await?;
    ensure!(states == [CommitState::Absent], "commit 1 of another log is {states:?} after commit 9 of `{LOG}`");
    let staged = bench.stage_sample(&asset, WHOLE, 2).await?;
    bench.store.commit(bench.request(&asset, WHOLE), vec![staged], &stranger).await?;
    bench.expect_sample(&asset, WHOLE, 2, "after commit 1 of another log").await?;
    Ok(())
}

pub(super) async fn of_two_first_commits_the_later_stays(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    let (one, two) = (bench.again().await, bench.again().await);
    let (first, second) = (one.stage_sample(&asset, WHOLE, 1).await?, two.stage_sample(&asset, WHOLE, 2).await?);
    let (one, two) = (Arc::new(one), Arc::new(two));
    let commit = |on: Arc<Bench>, staged: Staged, number: i64| {
        let asset = asset.clone();
        tokio::spawn(async move { on.commit(&asset, WHOLE, &[staged], number).await })
    };
    let (first, second) = tokio::join!(commit(one, first, 1), commit(two, second, 2));
    let joined = |joined| joined_or_breach(joined);
    let (first, second) = (joined(first)?, joined(second)?);
    let may_lose = |error: &crate::Error| matches!(error.kind(), ErrorKind::Superseded | ErrorKind::Conflict);
    if let Err(error) = &first {
        ensure!(may_lose(error), "the earlier of two commits at once may be superseded or in conflict, and was {error:?}");
    }
    match second {
        Ok(_) => bench.expect_sample(&asset, WHOLE, 2, "after two first commits at once").await?,
        Err(error) => {
            ensure!(error.kind() == ErrorKind::Conflict, "the later of two commits at once failed with {error:?}");
            ensure!(first.is_ok(), "of two commits at once none landed: {first:?} and {error:?}");
            bench.expect_sample(&asset, WHOLE, 1, "after two first commits at once, of which the later was refused").await?;
        }
    }
    Ok(())
}

/// What a task gave.
pub(super) fn joined_or_breach<T>(joined: Result<T, tokio::task::JoinError>) -> Verdict<T> {
    joined.map_err(|error| Breach::new(format!("the store panicked: {error}")))
}

pub(super) async fn staging_again_and_again_shows_nothing(bench: &Bench) -> Verdict {
    let kind = bench.kind();
    let asset = bench.asset("value", kind)?;
    bench.put_sample(&asset, WHOLE, 1, 1).await?;
    let mut staged = Vec::new();
    for n in 2..6 {
        staged.push(bench.stage_sample(&asset, WHOLE, n).await?);
    }
    ensure!(
        staged.iter().enumerate().all(|(at, one)| staged[..at].iter().all(|other| other.payload != one.payload)),
        "two things that were staged have one payload, so a commit could not tell them apart"
    );
    bench.commit(&asset, WHOLE, &[staged.remove(1)], 2).await?;
    bench.expect_sample(&asset, WHOLE, 3, "after the second of four was committed").await?;
    bench.store.discard(bench.request(&asset, WHOLE), staged).await?;
    let wanted = Content::sample(kind, 3)?;
    bench.expect(&asset, WHOLE, Some(wanted), "after the others were discarded").await?;
    Ok(())
}
