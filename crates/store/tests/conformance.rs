//! What every store must do: a file, a Redis and a cluster of Redis alike.
#![allow(clippy::unwrap_used, reason = "helpers of tests: a panic fails the test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use support::redis_server::Redis;
use support::{FileStore, KEEP, TTL, call, context, node, redemption, saver, until, vault, words};
use tokio::time::sleep;
use visavis_store::{
    Binding, Claim, Extended, RedeemError, Redemption, ResumeToken, Store, StoreError, Taken, TokenRefusal,
    ValueFault, Vault,
};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER_KEY: &str = "100102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// What is waited for in a Redis; longer than a busy machine takes for what must come before.
const SHORT: Duration = Duration::from_secs(3);

/// A store under test, and how time passes in it.
enum Subject {
    File(FileStore),
    Redis { store: Arc<dyn Store>, _server: Redis },
}

impl Subject {
    fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::File(file) => file.store.clone(),
            Self::Redis { store, .. } => store.clone(),
        }
    }

    /// A little more than this time passes.
    async fn pass(&self, time: Duration) {
        match self {
            Self::File(file) => file.clock.pass(time + Duration::from_millis(1)),
            Self::Redis { .. } => sleep(time + Duration::from_millis(50)).await,
        }
    }
}

/// All stores that can be tested here.
async fn subjects() -> Vec<Subject> {
    let mut found = vec![Subject::File(FileStore::empty())];
    for server in [Redis::start().await, Redis::start_cluster().await].into_iter().flatten() {
        found.push(Subject::Redis { store: server.store(), _server: server });
    }
    found
}

#[tokio::test]
async fn a_context_is_kept_until_it_is_replaced_deleted_or_too_old() {
    for subject in subjects().await {
        let (store, id) = (subject.store(), call("a"));
        let vault = Vault::new(store.clone(), "", SHORT).unwrap();
        assert_eq!(vault.load(&id).await.unwrap(), None);
        let lease = store.acquire(&id, &node("one"), TTL, Claim::Free).await.unwrap();
        for (version, said) in [(1, "hello"), (2, "what time is it?")] {
            vault.save(&lease, version, &context(said)).await.unwrap();
            assert_eq!(words(vault.load(&id).await.unwrap().as_ref()), Some(said));
        }
        assert!(vault.delete(&id).await.unwrap());
        assert_eq!(vault.load(&id).await.unwrap(), None);
        assert!(!vault.delete(&id).await.unwrap());
        assert_eq!(
            vault.save(&lease, 3, &context("more")).await,
            Err(StoreError::Stale),
            "its data was deleted"
        );
        let lease = store.acquire(&id, &node("one"), TTL, Claim::Free).await.unwrap();
        vault.save(&lease, 1, &context("again")).await.unwrap();
        subject.pass(SHORT).await;
        assert_eq!(vault.load(&id).await.unwrap(), None, "{}: it is too old", store.kind());
        store.sweep().await.unwrap();
        assert!(!vault.delete(&call("nobody")).await.unwrap());
    }
}

#[tokio::test]
async fn a_late_repetition_of_an_older_version_does_not_replace_a_newer_one() {
    for subject in subjects().await {
        let (store, id) = (subject.store(), call("a"));
        let vault = vault(store.clone());
        let lease = store.acquire(&id, &node("one"), TTL, Claim::Free).await.unwrap();
        for (version, said) in [(2, "newer"), (1, "older"), (2, "newer")] {
            vault.save(&lease, version, &context(said)).await.unwrap();
        }
        assert_eq!(words(vault.load(&id).await.unwrap().as_ref()), Some("newer"));
        // A later lease counts anew.
        let next = store.acquire(&id, &node("one"), TTL, Claim::Free).await.unwrap();
        vault.save(&next, 1, &context("newest")).await.unwrap();
        assert_eq!(words(vault.load(&id).await.unwrap().as_ref()), Some("newest"));
    }
}

#[tokio::test]
async fn of_two_nodes_only_the_one_with_the_newest_lease_may_write() {
    for subject in subjects().await {
        let (store, id) = (subject.store(), call("a"));
        let vault = vault(store.clone());
        let first = store.acquire(&id, &node("one"), SHORT, Claim::Free).await.unwrap();
        vault.save(&first, 1, &context("by one")).await.unwrap();
        let held = store.acquire(&id, &node("two"), TTL, Claim::Free).await.unwrap_err();
        assert!(
            matches!(&held, StoreError::Held { by, left } if *by == node("one") && *left <= SHORT),
            "{held:?}"
        );
        subject.pass(SHORT).await;
        // It has expired, and is the newest still.
        vault.save(&first, 2, &context("late, by one")).await.unwrap();
        let second = store.acquire(&id, &node("two"), TTL, Claim::Free).await.unwrap();
        assert!(second.fence > first.fence);
        assert_eq!(vault.save(&first, 3, &context("stale")).await, Err(StoreError::Stale));
        assert_eq!(store.renew(&first, TTL).await, Err(StoreError::Stale));
        assert_eq!(store.release(&first, None).await, Err(StoreError::Stale));
        // Taken over, by right of a token, while it lasts.
        let third = store.acquire(&id, &node("three"), TTL, Claim::Over(redemption())).await.unwrap();
        assert_eq!(vault.save(&second, 1, &context("stale")).await, Err(StoreError::Stale));
        assert_eq!(words(vault.load(&id).await.unwrap().as_ref()), Some("late, by one"), "{}", store.kind());
        vault.save(&third, 1, &context("by three")).await.unwrap();
        store.release(&third, None).await.unwrap();
        let fourth = store.acquire(&id, &node("two"), TTL, Claim::Free).await.unwrap();
        vault.save(&fourth, 1, &context("by two")).await.unwrap();
        assert_eq!(words(vault.load(&id).await.unwrap().as_ref()), Some("by two"));
    }
}

#[tokio::test]
async fn a_renewed_lease_lasts_and_a_released_call_is_kept_as_briefly_as_was_said() {
    for subject in subjects().await {
        let (store, id) = (subject.store(), call("a"));
        let vault = vault(store.clone());
        let lease = store.acquire(&id, &node("one"), SHORT, Claim::Free).await.unwrap();
        vault.save(&lease, 1, &context("hello")).await.unwrap();
        store.renew(&lease, TTL).await.unwrap();
        subject.pass(SHORT).await;
        let held = store.acquire(&id, &node("two"), TTL, Claim::Free).await;
        assert!(matches!(held, Err(StoreError::Held { .. })), "{held:?}");
        store.release(&lease, Some(SHORT)).await.unwrap();
        assert!(vault.load(&id).await.unwrap().is_some());
        subject.pass(SHORT).await;
        assert_eq!(vault.load(&id).await.unwrap(), None, "{}", store.kind());
    }
}

#[tokio::test]
async fn a_resume_token_is_good_for_its_own_call_and_user_until_it_is_void_and_not_for_long() {
    for subject in subjects().await {
        let (vault, a) = (vault(subject.store()), call("a"));
        let put = async |keep: Duration| {
            let token = ResumeToken::generate().unwrap();
            vault.put_token(&token.hash(), &Binding::of(&a, "anna"), keep).await.unwrap();
            token
        };
        let [unknown, used, expired] = [TokenRefusal::Unknown, TokenRefusal::Used, TokenRefusal::Expired]
            .map(|refusal| Err(RedeemError::Refused(refusal)));
        let token = put(KEEP).await;
        assert_eq!(vault.check(&token, &a, "anna").await, Ok(()), "to look redeems nothing");
        let at_once = join_all((0..8).map(|_| vault.redeem(&token, &a, "anna"))).await;
        let mut numbers: Vec<u32> = at_once.into_iter().map(|redeemed| redeemed.unwrap().number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=8).collect::<Vec<_>>(), "of eight tabs one is the last");
        assert_eq!(vault.check(&token, &a, "anna").await, Ok(()));
        subject.store().void_token(&token.hash()).await.unwrap();
        assert_eq!(vault.check(&token, &a, "anna").await, used);
        assert_eq!(vault.redeem(&token, &a, "anna").await.map(drop), used);
        for (id, user, refusal) in
            [("b", "anna", TokenRefusal::OtherCall), ("a", "otto", TokenRefusal::OtherUser)]
        {
            let token = put(KEEP).await;
            assert_eq!(vault.redeem(&token, &call(id), user).await, Err(RedeemError::Refused(refusal)));
            assert_eq!(vault.redeem(&token, &a, "anna").await.map(drop), used, "it is void");
            let again = vault.redeem(&token, &call(id), user).await;
            assert_eq!(again, Err(RedeemError::Refused(refusal)), "whose it is not learns nothing of it");
        }
        let token = put(SHORT).await;
        subject.pass(SHORT).await;
        assert_eq!(vault.redeem(&token, &a, "anna").await.map(drop), expired);
        let guessed = ResumeToken::generate().unwrap();
        assert_eq!(vault.redeem(&guessed, &a, "anna").await.map(drop), unknown);
    }
}

#[tokio::test]
async fn a_resume_token_lasts_as_long_as_it_is_extended_and_a_redeemed_one_is_not_extended() {
    for subject in subjects().await {
        let (vault, a) = (vault(subject.store()), call("a"));
        let store = subject.store();
        let token = ResumeToken::generate().unwrap();
        assert_eq!(store.extend_token(&token.hash(), KEEP).await, Ok(Extended::Unknown));
        vault.put_token(&token.hash(), &Binding::of(&a, ""), SHORT).await.unwrap();
        subject.pass(SHORT).await;
        // The store may have been down: the call goes on, so its token is good.
        assert_eq!(store.extend_token(&token.hash(), KEEP).await, Ok(Extended::Longer), "{}", store.kind());
        subject.pass(SHORT).await;
        assert_eq!(vault.redeem(&token, &a, "").await.map(|redeemed| redeemed.number), Ok(1));
        assert_eq!(store.extend_token(&token.hash(), KEEP).await, Ok(Extended::Used));
        store.void_token(&token.hash()).await.unwrap();
        assert_eq!(store.extend_token(&token.hash(), KEEP).await, Ok(Extended::Used));
        assert_eq!(vault.redeem(&token, &a, "").await, Err(RedeemError::Refused(TokenRefusal::Used)));
    }
}

#[tokio::test]
async fn a_redeemed_token_is_redeemed_again_only_for_a_while_restored_if_it_was_for_nothing_and_never_once_void()
 {
    for subject in subjects().await {
        let (store, token) = (subject.store(), ResumeToken::generate().unwrap().hash());
        let value = || b"v".to_vec();
        let good = |number| Ok(Taken::Good { value: value(), number });
        store.put_token(&token, b"v", KEEP).await.unwrap();
        assert_eq!(store.look_at_token(&token, SHORT).await, good(1));
        assert_eq!(store.take_token(&token, SHORT).await, good(1));
        assert_eq!(store.take_token(&token, KEEP).await, good(2));
        subject.pass(SHORT).await;
        assert_eq!(store.take_token(&token, SHORT).await, Ok(Taken::Used(value())), "{}", store.kind());
        store.restore_token(&token, SHORT).await.unwrap();
        assert_eq!(store.look_at_token(&token, SHORT).await, good(3), "numbers go on");
        subject.pass(SHORT).await;
        assert_eq!(store.take_token(&token, SHORT).await, Ok(Taken::Expired(value())));
        store.restore_token(&token, KEEP).await.unwrap();
        assert_eq!(store.take_token(&token, KEEP).await, good(3));
        store.void_token(&token).await.unwrap();
        store.restore_token(&token, KEEP).await.unwrap();
        assert_eq!(store.take_token(&token, KEEP).await, Ok(Taken::Used(value())));
        // Of a token that never was nothing is made.
        let unknown = ResumeToken::generate().unwrap().hash();
        store.void_token(&unknown).await.unwrap();
        store.restore_token(&unknown, KEEP).await.unwrap();
        assert_eq!(store.take_token(&unknown, KEEP).await, Ok(Taken::Unknown));
    }
}

#[tokio::test]
async fn of_two_nodes_that_redeem_a_token_the_later_one_gets_the_call_though_the_other_claims_it_last() {
    for subject in subjects().await {
        let (store, id) = (subject.store(), call("a"));
        let vault = vault(store.clone());
        let token = ResumeToken::generate().unwrap();
        vault.put_token(&token.hash(), &Binding::of(&id, "anna"), KEEP).await.unwrap();
        let redeem = async || vault.redeem(&token, &id, "anna").await.unwrap();
        let (first, second) = (redeem().await, redeem().await);
        let claim =
            async |name: &str, by: Redemption| store.acquire(&id, &node(name), TTL, Claim::Over(by)).await;
        let lease = claim("two", second).await.unwrap();
        assert_eq!(claim("one", first).await, Err(StoreError::Stale), "{}", store.kind());
        vault.save(&lease, 1, &context("by two")).await.unwrap();
        // In the other order the later one wins as well.
        let third = redeem().await;
        claim("two", second).await.unwrap();
        assert!(claim("one", third).await.unwrap().fence > lease.fence);
        assert_eq!(vault.save(&lease, 2, &context("late")).await, Err(StoreError::Stale));
        assert_eq!(words(vault.load(&id).await.unwrap().as_ref()), Some("by two"));
    }
}

#[tokio::test]
async fn a_store_tells_who_has_a_call() {
    for subject in subjects().await {
        let (store, id) = (subject.store(), call("a"));
        assert_eq!(store.owner(&id).await, Ok(None));
        store.acquire(&id, &node("one"), TTL, Claim::Free).await.unwrap();
        store.acquire(&id, &node("two"), TTL, Claim::Over(redemption())).await.unwrap();
        assert_eq!(store.owner(&id).await, Ok(Some(node("two"))));
        store.delete(&id).await.unwrap();
        assert_eq!(store.owner(&id).await, Ok(None), "{}: its data was deleted", store.kind());
    }
}

#[tokio::test]
async fn a_node_whose_call_was_taken_over_is_told_and_one_whose_data_was_deleted_is_not() {
    for subject in subjects().await {
        let store = subject.store();
        let (saver, a, b) = (saver(store.clone()), call("a"), call("b"));
        let (lost_a, lost_b) = (saver.begin(&a, None), saver.begin(&b, None));
        for id in [&a, &b] {
            saver.save(id, Arc::new(context("hello")));
            saver.written(id).await;
        }
        store.acquire(&a, &node("two"), TTL, Claim::Over(redemption())).await.unwrap();
        store.delete(&b).await.unwrap();
        for id in [&b, &a] {
            saver.save(id, Arc::new(context("too late")));
        }
        until("it is told", async || lost_a.is_cancelled()).await;
        assert!(!lost_b.is_cancelled(), "{}", store.kind());
        assert_eq!(words(vault(store).load(&a).await.unwrap().as_ref()), Some("hello"));
    }
}

#[tokio::test]
async fn with_a_key_nothing_that_was_said_is_stored_readable_and_another_key_is_told_from_it() {
    for subject in subjects().await {
        let (store, id) = (subject.store(), call("a"));
        let with = |key: &str| Vault::new(store.clone(), key, KEEP).unwrap();
        let lease = store.acquire(&id, &node("one"), TTL, Claim::Free).await.unwrap();
        with(KEY).save(&lease, 1, &context("my secret")).await.unwrap();
        let stored = store.load(&id).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&stored).contains("secret"));
        assert_eq!(words(with(KEY).load(&id).await.unwrap().as_ref()), Some("my secret"));
        let other = with(OTHER_KEY).load(&id).await.unwrap_err();
        assert!(matches!(other, StoreError::Value(ValueFault::OtherKey { .. })), "{other}");
        let none = with("").load(&id).await.unwrap_err().to_string();
        assert!(none.contains("store.key"), "{none}");
        // Under the id of another call it is worth nothing.
        let moved = store.acquire(&call("b"), &node("one"), TTL, Claim::Free).await.unwrap();
        store.save(&moved, 1, &stored, KEEP).await.unwrap();
        let bound = with(KEY).load(&call("b")).await.unwrap_err();
        assert!(matches!(bound, StoreError::Value(ValueFault::Corrupt(_))), "{bound}");
        with("").save(&lease, 2, &context("plain")).await.unwrap();
        let plain = with(KEY).load(&id).await.unwrap_err();
        assert_eq!(plain, StoreError::Value(ValueFault::NotEncrypted));
    }
}

#[tokio::test]
async fn a_value_of_a_newer_version_or_of_another_program_is_refused_and_left_as_it_is() {
    for subject in subjects().await {
        let (store, id, other) = (subject.store(), call("a"), call("b"));
        let vault = vault(store.clone());
        let lease = store.acquire(&id, &node("one"), TTL, Claim::Free).await.unwrap();
        vault.save(&lease, 1, &context("hello")).await.unwrap();
        let mut newer = store.load(&id).await.unwrap().unwrap();
        newer[7] += 1;
        store.save(&lease, 2, &newer, KEEP).await.unwrap();
        for refused in [vault.load(&id).await.map(drop), vault.save(&lease, 3, &context("over it")).await] {
            assert!(matches!(refused, Err(StoreError::Value(ValueFault::Newer { .. }))), "{refused:?}");
        }
        assert_eq!(store.load(&id).await.unwrap().as_ref(), Some(&newer));

        let lease = store.acquire(&other, &node("one"), TTL, Claim::Free).await.unwrap();
        let theirs = b"the value of another program".to_vec();
        store.save(&lease, 1, &theirs, KEEP).await.unwrap();
        for refused in [vault.load(&other).await.map(drop), vault.save(&lease, 2, &context("over it")).await]
        {
            assert_eq!(refused, Err(StoreError::Value(ValueFault::Foreign)), "{}", store.kind());
        }
        assert_eq!(store.load(&other).await.unwrap(), Some(theirs));
    }
}

#[tokio::test]
async fn a_damaged_value_is_told_from_a_whole_one_and_the_call_that_begins_anew_replaces_it() {
    for subject in subjects().await {
        let (store, id) = (subject.store(), call("a"));
        let vault = vault(store.clone());
        let lease = store.acquire(&id, &node("one"), TTL, Claim::Free).await.unwrap();
        vault.save(&lease, 1, &context("hello")).await.unwrap();
        let mut damaged = store.load(&id).await.unwrap().unwrap();
        *damaged.last_mut().unwrap() ^= 1;
        store.save(&lease, 2, &damaged, KEEP).await.unwrap();
        let told = vault.load(&id).await.unwrap_err().to_string();
        assert!(told.contains("damaged"), "{told}");
        vault.save(&lease, 3, &context("anew")).await.unwrap();
        assert_eq!(words(vault.load(&id).await.unwrap().as_ref()), Some("anew"));
    }
}
