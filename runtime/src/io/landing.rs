//! What a commit has to do, by what a store knows: the questions that every store asks, in their order.

use super::{Committed, Staged, StoreRequest};
use crate::asset::Mode;
use crate::commit::CommitId;
use crate::error::{Error, ErrorKind, Result};
use crate::slice::Slice;

/// What a commit has to do, for stores that commit in a transaction: ask for it at its beginning, write what it says, and write down
/// the identity in the same transaction.
///
/// ```
/// # use lakewright::io::{Committed, Landing, Staged, StoreRequest};
/// # use lakewright::{CommitId, Result, Slice};
/// # trait Rows { fn last(&self, id: &CommitId) -> Result<Option<i64>>; fn is_stored(&self, slice: &Slice) -> Result<bool>;
/// # fn write(&self, staged: &Staged) -> Result<()>; fn remember(&self, id: &CommitId) -> Result<()>; }
/// fn commit(rows: &impl Rows, request: &StoreRequest<'_>, staged: &[Staged], id: &CommitId) -> Result<Committed> {
///     let landing = Landing::of(request, staged, id, rows.last(id)?, |slice| rows.is_stored(slice))?;
///     for staged in &landing.write {
///         rows.write(staged)?;
///     }
///     rows.remember(id)?;
///     Ok(landing.committed())
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Landing<'s> {
    /// What is to be written, in the mode of the request; nothing if the commit has landed before.
    pub write: Vec<&'s Staged>,
    /// What is left as it is, because something is there and the mode is [`Mode::Ignore`].
    pub ignored: Option<Slice>,
    /// Whether the commit has landed before.
    pub already: bool,
}

impl<'s> Landing<'s> {
    /// By the number of the last commit with [this application](CommitId::application), and whether something is stored for the slice
    /// of each thing that was staged.
    ///
    /// # Errors
    /// [`ErrorKind::Superseded`] if a later commit has landed; [`ErrorKind::Present`] if something is there and the mode is
    /// [`Mode::Error`]; what `stored` fails with.
    pub fn of(
        request: &StoreRequest<'_>,
        staged: &'s [Staged],
        id: &CommitId,
        last: Option<i64>,
        mut stored: impl FnMut(&Slice) -> Result<bool>,
    ) -> Result<Self> {
        let asset = &request.asset.key;
        if last == Some(id.number) {
            return Ok(Self { write: Vec::new(), ignored: None, already: true });
        }
        if last.is_some_and(|last| last > id.number) {
            let message = format!("commit {} of `{asset}` comes after one that replaced it", id.number);
            return Err(Error::new(ErrorKind::Superseded, message));
        }
        let (mut write, mut left) = (Vec::new(), Vec::new());
        for one in staged {
            match request.mode {
                Mode::Error | Mode::Ignore if !stored(&one.slice)? => write.push(one),
                Mode::Error => {
                    let message =
                        format!("{} of `{asset}` is stored already, and `mode = \"error\"` refuses to replace it", one.slice);
                    return Err(Error::new(ErrorKind::Present, message).help("choose another `mode`"));
                }
                Mode::Ignore => left.push(&one.slice),
                _ => write.push(one),
            }
        }
        let ignored = match (&left[..], &request.asset.partitions) {
            ([], _) => None,
            (left, Some(def)) => Some(def.combine(left.iter().copied())?.slice()),
            (_, None) => Some(Slice::Whole),
        };
        Ok(Self { write, ignored, already: false })
    }

    /// What to answer once it is done.
    #[must_use]
    pub fn committed(&self) -> Committed {
        let committed = Committed::new().ignored(self.ignored.clone());
        if self.already { committed.already() } else { committed }
    }
}
