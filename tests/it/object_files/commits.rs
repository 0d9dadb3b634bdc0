//! What is in place when writers meet, or die between two requests.

use std::sync::Arc;

use lakewright::exec::SystemEnv;
use lakewright::io::fs::FsIoManager;
use lakewright::io::storage::Storage;
use lakewright::io::{CommitState, Committed, LoadRequest, RunInfo, Staged, StoreRequest};
use lakewright::jiff::{SignedDuration, Timestamp};
use lakewright::prelude::*;
use lakewright::{AssetBuilder, AssetSpec, CommitId, ErrorKind, IoManager, Slice, Value};
use serde_json::{Value as Json, json};

use super::{place, server};
use crate::object_stores::Cloud;
use crate::partitions::moments::Clock;
use crate::support::block_on;

/// A store of texts, driven by hand.
struct ByHand {
    storage: Storage,
    store: FsIoManager,
    asset: AssetSpec,
    run: RunInfo,
    env: Arc<dyn lakewright::env::Env>,
}

impl ByHand {
    fn new(name: &str) -> Self {
        Self::at(place(name))
    }

    fn at(storage: Storage) -> Self {
        let asset = AssetBuilder::new("p/v", ValueKind::Object).body(|_| async { Ok(lakewright::Produced::nothing()) }).unwrap();
        let store = FsIoManager::at(storage.clone());
        Self { storage, store, asset, run: RunInfo::new("by-hand", 1), env: Arc::new(SystemEnv::new()) }
    }

    fn request(&self) -> StoreRequest<'_> {
        StoreRequest::new(&self.asset, &Slice::Whole, &self.run, Arc::clone(&self.env))
    }

    fn id(&self, number: i64) -> CommitId {
        CommitId::new("log", &self.asset.key, &Slice::Whole, number)
    }

    async fn stage(&self, text: &str) -> Staged {
        let value = Value::Object(lakewright::Object::new(text.to_owned()));
        self.store.stage(self.request(), value).await.unwrap()
    }

    async fn commit(&self, staged: &Staged, number: i64) -> Result<Committed> {
        self.store.commit(self.request(), vec![staged.clone()], &self.id(number)).await
    }

    async fn state(&self, number: i64) -> CommitState {
        self.store.committed(self.request(), &[self.id(number)]).await.unwrap()[0]
    }

    async fn text(&self) -> Option<String> {
        let request = LoadRequest::new(&self.asset, &Slice::Whole, Arc::clone(&self.env));
        match self.store.load(request).await.unwrap()? {
            Value::Object(object) => Some(object.decode().unwrap()),
            other => panic!("{other:?}"),
        }
    }

    /// The last manifest of the chain, and its name.
    fn last(&self) -> (String, Json) {
        let name = self.storage.list(".lakewright/p/v%m").unwrap().pop().unwrap().path;
        let text = self.storage.get(&name).unwrap().unwrap();
        (name, serde_json::from_slice(&text).unwrap())
    }

    fn put(&self, name: &str, link: &Json) {
        self.storage.put(name, serde_json::to_vec(link).unwrap()).unwrap();
    }
}

#[test]
fn a_writer_that_dies_after_the_copy_has_committed() {
    let by_hand = ByHand::new("died-after");
    block_on(async {
        let (one, two) = (by_hand.stage("one").await, by_hand.stage("two").await);
        by_hand.commit(&one, 1).await.unwrap();
        let (_, before) = by_hand.last();
        by_hand.commit(&two, 2).await.unwrap();
        // As it is between the copy and what is said of it: the claim, and the manifest before it.
        let (name, mut link) = by_hand.last();
        link["claim"] = json!({"before": before["manifest"]["file"]});
        by_hand.put(&name, &link);
        by_hand.put(&name.replace("2.json", "1.json"), &before);
        assert_eq!(by_hand.text().await.as_deref(), Some("two"));
        assert_eq!((by_hand.state(2).await, by_hand.state(1).await), (CommitState::Committed, CommitState::Superseded));
        assert!(by_hand.commit(&two, 2).await.unwrap().already);
        let three = by_hand.stage("three").await;
        by_hand.commit(&three, 3).await.unwrap();
        assert_eq!(by_hand.text().await.as_deref(), Some("three"), "nobody waits for the dead");
    });
}

#[test]
fn a_writer_that_dies_before_the_copy_has_not_and_its_claim_is_respected_for_a_while() {
    let by_hand = ByHand::new("died-before");
    block_on(async {
        let (one, two, three) = (by_hand.stage("one").await, by_hand.stage("two").await, by_hand.stage("three").await);
        by_hand.commit(&one, 1).await.unwrap();
        let (name, link) = by_hand.last();
        let mut claim = link.clone();
        claim["claim"] = json!({"before": link["manifest"]["file"]});
        claim["manifest"]["commit"] = serde_json::to_value(by_hand.id(2)).unwrap();
        by_hand.put(&name.replace("1.json", "2.json"), &claim);
        assert_eq!((by_hand.state(1).await, by_hand.state(2).await), (CommitState::Committed, CommitState::Absent));
        let error = by_hand.commit(&three, 3).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Conflict, true), "{error:?}");
        assert_eq!(by_hand.text().await.as_deref(), Some("one"));
        by_hand.commit(&two, 2).await.unwrap();
        assert_eq!(by_hand.text().await.as_deref(), Some("two"), "the same commit goes on where it was");
        by_hand.commit(&three, 3).await.unwrap();
        assert_eq!(by_hand.text().await.as_deref(), Some("three"));
    });
}

#[test]
fn a_writer_that_is_slow_and_not_gone_copies_nothing_once_it_was_passed() {
    let (by_hand, mut passing) = (ByHand::new("slow"), ByHand::new("slow"));
    passing.env = Clock::at(Timestamp::now() + SignedDuration::from_mins(20));
    block_on(async {
        let (one, two, three) = (by_hand.stage("one").await, by_hand.stage("two").await, by_hand.stage("three").await);
        by_hand.commit(&one, 1).await.unwrap();
        // On the way to its copy, it stalls for longer than its claim holds.
        server::before("PUT", "slow/p/v.json", move || {
            block_on(async { passing.commit(&three, 3).await.unwrap() });
        });
        let error = by_hand.commit(&two, 2).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Conflict, true), "{error:?}");
        assert_eq!(by_hand.text().await.as_deref(), Some("three"));
        assert_eq!(by_hand.state(3).await, CommitState::Committed);
        assert_eq!(by_hand.commit(&two, 2).await.unwrap_err().kind(), ErrorKind::Superseded);
    });
}

#[test]
fn who_looks_while_an_object_is_replaced_sees_whose_it_is() {
    let (by_hand, writing) = (ByHand::new("meanwhile"), ByHand::new("meanwhile"));
    block_on(async {
        let (one, two) = (by_hand.stage("one").await, by_hand.stage("two").await);
        by_hand.commit(&one, 1).await.unwrap();
        // After the manifests were read, and before what is in place is looked at.
        server::before("HEAD", "meanwhile/p/v.json", move || {
            block_on(async { writing.commit(&two, 2).await.unwrap() });
        });
        assert_eq!(by_hand.state(2).await, CommitState::Committed);
    });
}

#[test]
fn a_writer_that_was_passed_after_its_copy_cannot_make_it_again() {
    let by_hand = ByHand::new("passed");
    block_on(async {
        let (one, two) = (by_hand.stage("one").await, by_hand.stage("two").await);
        // As it is when the copy was made and its answer is lost, so that it is about to be sent again.
        let source = one.payload["path"].as_str().unwrap();
        let bytes = by_hand.storage.get(source).unwrap().unwrap();
        by_hand.commit(&one, 1).await.unwrap();
        by_hand.storage.put(source, bytes).unwrap();
        let (name, mut link) = by_hand.last();
        link["claim"] = json!({"before": null, "source": source});
        by_hand.put(&name, &link);
        by_hand.commit(&two, 2).await.unwrap();
        by_hand.storage.copy(source, "p/v.json").unwrap_err();
        assert_eq!(by_hand.text().await.as_deref(), Some("two"));
    });
}

#[test]
fn requests_whose_answers_are_lost_are_not_taken_for_those_of_somebody_else() {
    let by_hand = ByHand::new("lost");
    block_on(async {
        for (number, path) in [(1, "lost/.lakewright/p/"), (2, "lost/p/v.json")] {
            let staged = by_hand.stage(&format!("text {number}")).await;
            server::lose_answer("PUT", path);
            by_hand.commit(&staged, number).await.unwrap();
            assert_eq!(by_hand.text().await, Some(format!("text {number}")));
            assert_eq!(by_hand.state(number).await, CommitState::Committed);
            assert_eq!(by_hand.storage.list(".lakewright").unwrap().len(), 1, "one manifest, nothing staged");
        }
    });
}

#[test]
fn what_a_writer_left_beside_its_claim_is_none() {
    let by_hand = ByHand::new("beside");
    block_on(async {
        let (one, two) = (by_hand.stage("one").await, by_hand.stage("two").await);
        by_hand.commit(&one, 1).await.unwrap();
        // As it is where objects are created by a copy, when the writer died before it or before it cleaned up.
        let (name, mut link) = by_hand.last();
        link["claim"] = json!({"before": link["manifest"]["file"]});
        let (folder, file) = name.rsplit_once('/').unwrap();
        by_hand.put(&format!("{folder}/_commit_{}.0123456789abcdef.tmp", file.replace("1.json", "2.json")), &link);
        assert_eq!(by_hand.state(1).await, CommitState::Committed);
        by_hand.commit(&two, 2).await.unwrap();
        assert_eq!((by_hand.text().await.as_deref(), by_hand.state(2).await), (Some("two"), CommitState::Committed));
    });
}

#[test]
fn what_is_stored_again_as_it_was_is_committed_again() {
    let by_hand = ByHand::new("the-same");
    block_on(async {
        for number in 1..4 {
            let one = by_hand.stage("one").await;
            by_hand.commit(&one, number).await.unwrap();
            assert_eq!(by_hand.state(number).await, CommitState::Committed);
        }
        assert_eq!(by_hand.storage.list(".lakewright").unwrap().len(), 1, "one manifest, nothing staged");
    });
}

#[test]
fn an_object_that_somebody_put_in_place_is_not_read_by_our_manifest() {
    let by_hand = ByHand::new("theirs");
    block_on(async {
        let one = by_hand.stage("one").await;
        by_hand.commit(&one, 1).await.unwrap();
        by_hand.storage.put("p/v.json", b"\"two\"".to_vec()).unwrap();
        assert_eq!(by_hand.state(1).await, CommitState::Absent);
        assert_eq!(by_hand.text().await.as_deref(), Some("two"));
    });
}

#[test]
fn of_writers_who_meet_the_last_to_begin_stays() {
    // The server in this process looks first and puts then, so of two who claim at once both might.
    let Some(storage) = Cloud::S3.storage() else { return };
    let by_hand = Arc::new(ByHand::at(storage));
    block_on(async {
        let mut writers = Vec::new();
        for number in 1..=8i64 {
            let by_hand = Arc::clone(&by_hand);
            writers.push(tokio::spawn(async move {
                let staged = by_hand.stage(&format!("text {number}")).await;
                loop {
                    match by_hand.commit(&staged, number).await {
                        Err(error) if error.kind() == ErrorKind::Conflict => {
                            assert!(error.is_retryable());
                            tokio::task::yield_now().await;
                        }
                        other => return other.map(drop).map_err(|error| error.kind()),
                    }
                }
            }));
        }
        let mut landed = Vec::new();
        for (number, writer) in (1..).zip(writers) {
            match writer.await.unwrap() {
                Ok(()) => landed.push(number),
                Err(kind) => assert_eq!(kind, ErrorKind::Superseded, "{number}"),
            }
        }
        assert_eq!(landed.last(), Some(&8), "nothing comes after it");
        assert_eq!(by_hand.text().await.as_deref(), Some("text 8"));
        assert_eq!(by_hand.state(8).await, CommitState::Committed);
    });
}
