//! Storing an object piece by piece: one PUT if it is small, and otherwise parts of which only a few are on their way at once.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::{mem, sync::Arc};

use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};

use super::remote::Bucket;
use super::threads::{threads, wait};
use crate::error::Result;

/// The bytes of a part. All parts but the last have the same size, which R2 asks for; S3 takes 10,000 of them.
const PART: usize = 8 << 20;

/// How many parts are on their way at most.
const AT_ONCE: usize = 3;

type Sent = Receiver<object_store::Result<()>>;

/// An object that is being stored.
pub(crate) struct Sending {
    bucket: Arc<Bucket>,
    path: Path,
    buffer: Vec<u8>,
    parts: Option<Box<dyn MultipartUpload>>,
    on_their_way: VecDeque<Sent>,
}

impl Sending {
    pub(super) fn new(bucket: &Arc<Bucket>, path: Path) -> Self {
        Self { bucket: Arc::clone(bucket), path, buffer: Vec::new(), parts: None, on_their_way: VecDeque::new() }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PART - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == PART {
            self.send_part().map_err(io::Error::other)?;
        }
        Ok(taken)
    }

    fn failed(&self, error: &object_store::Error) -> crate::Error {
        self.bucket.error(error, "write", self.path.as_ref())
    }

    fn send_part(&mut self) -> Result<()> {
        let mut parts = if let Some(parts) = self.parts.take() {
            parts
        } else {
            let (store, path) = (self.bucket.store(), self.path.clone());
            wait(async move { store.put_multipart(&path).await })?.map_err(|error| self.failed(&error))?
        };
        let part = parts.put_part(mem::take(&mut self.buffer).into());
        self.parts = Some(parts);
        let (answer, answered) = sync_channel(1);
        threads()?.spawn(async move {
            // Nobody asks once the upload was given up.
            drop(answer.send(part.await));
        });
        self.on_their_way.push_back(answered);
        while self.on_their_way.len() >= AT_ONCE {
            self.wait_for_part()?;
        }
        Ok(())
    }

    fn wait_for_part(&mut self) -> Result<()> {
        let Some(part) = self.on_their_way.pop_front() else { return Ok(()) };
        match part.recv() {
            Ok(sent) => sent.map_err(|error| self.failed(&error)),
            Err(_) => Err(crate::Error::new(crate::ErrorKind::Internal, "a part ended without an answer")),
        }
    }

    #[expect(clippy::boxed_local, reason = "as it is kept")]
    pub(super) fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.complete().map_err(io::Error::other)
    }

    fn complete(&mut self) -> Result<()> {
        if self.parts.is_none() {
            let (store, path, bytes) = (self.bucket.store(), self.path.clone(), PutPayload::from(mem::take(&mut self.buffer)));
            return wait(async move { store.put(&path, bytes).await })?.map(drop).map_err(|error| self.failed(&error));
        }
        if !self.buffer.is_empty() {
            self.send_part()?;
        }
        while !self.on_their_way.is_empty() {
            self.wait_for_part()?;
        }
        let Some(mut parts) = self.parts.take() else { return Ok(()) };
        let (parts, completed) = wait(async move {
            let completed = parts.complete().await;
            (parts, completed)
        })?;
        completed.map(drop).map_err(|error| {
            // Given up when this is dropped.
            self.parts = Some(parts);
            self.failed(&error)
        })
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let (Some(mut parts), Ok(threads)) = (self.parts.take(), threads()) else { return };
        threads.spawn(async move {
            if let Err(error) = parts.abort().await {
                tracing::warn!(%error, "the parts of an upload that was given up are left to the rules of the bucket");
            }
        });
    }
}
