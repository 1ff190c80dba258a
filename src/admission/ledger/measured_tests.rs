use proptest::prelude::*;

use super::*;

/// A ledger with so many calls in all and per address.
fn ledger(in_all: usize, per_address: Option<usize>) -> Ledger {
    let calls = Limit { in_all, per_principal: per_address };
    let others = Limit { in_all: 2, per_principal: None };
    Ledger::new(Limits {
        calls,
        animations: others,
        samples: others,
        measurements: others,
        requests: others,
        followings: others,
    })
}

fn address(last: u8) -> Principal {
    Principal::from(Some([192, 0, 2, last].into()))
}

fn bears(ledger: &mut Ledger, calls: usize) {
    ledger.bear(Capacity { load: 1.0, calls, retry: 7, waited: None });
}

/// A new call whose client joins it at once.
fn join(ledger: &mut Ledger, principal: Principal, now: Instant) -> Result<PermitId, Refusal> {
    let granted = ledger.admit(principal, Kind::Call, Claim::Begins, now)?;
    ledger.note(granted.id, Presence::Here, now);
    Ok(granted.id)
}

const LOADED: Refusal = Refusal::Loaded { retry: 7 };

#[test]
fn a_loaded_server_refuses_further_calls_and_ends_none() {
    let (mut ledger, now) = (ledger(32, None), Instant::now());
    let calls: Vec<PermitId> = (0..6).map(|last| join(&mut ledger, address(last), now).unwrap()).collect();
    bears(&mut ledger, 4);
    assert_eq!(join(&mut ledger, address(9), now), Err(LOADED));
    assert!(calls.iter().all(|call| ledger.holds(*call)));
    for call in &calls[..3] {
        ledger.give_back(*call);
    }
    assert!(join(&mut ledger, address(9), now).is_ok(), "three of four are left");
    assert_eq!(join(&mut ledger, address(10), now), Err(LOADED));
    bears(&mut ledger, 32);
    assert!(join(&mut ledger, address(10), now).is_ok());
}

#[test]
fn a_call_that_goes_on_is_admitted_whatever_the_load_is() {
    let (mut ledger, now) = (ledger(3, None), Instant::now());
    join(&mut ledger, address(1), now).unwrap();
    bears(&mut ledger, 1);
    assert_eq!(join(&mut ledger, address(2), now), Err(LOADED));
    for last in [2, 3] {
        let granted = ledger.admit(address(last), Kind::Call, Claim::GoesOn, now).unwrap();
        ledger.note(granted.id, Presence::Here, now);
    }
    let refused = ledger.admit(address(4), Kind::Call, Claim::GoesOn, now);
    assert_eq!(refused, Err(Refusal::Full(Kind::Call)), "the limit holds");
}

#[test]
fn calls_without_a_client_do_not_keep_others_out_of_what_is_measured() {
    let (mut ledger, now) = (ledger(32, None), Instant::now());
    bears(&mut ledger, 2);
    for _ in 0..2 {
        ledger.admit(Principal::Anonymous, Kind::Call, Claim::Begins, now).unwrap();
    }
    assert_eq!(join(&mut ledger, address(1), now), Err(LOADED), "they may be about to connect");
    let later = now + GRACE;
    let call = join(&mut ledger, address(1), later).unwrap();
    join(&mut ledger, address(2), later).unwrap();
    ledger.note(call, Presence::CutOff, later);
    assert_eq!(join(&mut ledger, address(3), later), Err(LOADED), "it may come back");
    assert!(join(&mut ledger, address(3), later + PATIENCE).is_ok());
    assert!(ledger.holds(call), "nothing ends for it");
}

#[test]
fn other_work_is_not_bounded_by_what_is_measured() {
    let (mut ledger, now) = (ledger(32, None), Instant::now());
    join(&mut ledger, address(1), now).unwrap();
    bears(&mut ledger, 1);
    assert!(ledger.admit(address(1), Kind::Animation, Claim::Begins, now).is_ok());
}

#[test]
fn the_last_permits_are_for_addresses_with_fewer_and_a_share_of_0_has_no_such_bound() {
    let now = Instant::now();
    for (per_address, first) in [(Some(32), 4), (None, 8)] {
        let mut ledger = ledger(8, per_address);
        let greedy = (0..8).take_while(|_| join(&mut ledger, address(1), now).is_ok()).count();
        assert_eq!(greedy, first, "{per_address:?}");
    }
    let mut ledger = ledger(8, Some(32));
    for _ in 0..4 {
        join(&mut ledger, address(1), now).unwrap();
    }
    assert_eq!(join(&mut ledger, address(1), now), Err(Refusal::Reserved(Kind::Call)));
    assert!(join(&mut ledger, address(2), now).is_ok());
    for _ in 0..3 {
        assert!(
            join(&mut ledger, Principal::Anonymous, now).is_ok(),
            "callers whom nobody knows have no share"
        );
    }
    assert_eq!(join(&mut ledger, address(3), now), Err(Refusal::Full(Kind::Call)));
}

proptest! {
    #[test]
    fn whatever_one_address_does_two_others_each_get_a_call(
        in_all in 4..40_usize,
        per_address in 1..60_usize,
        capacities in prop::collection::vec(4..60_usize, 1..80),
    ) {
        let (mut ledger, now) = (ledger(in_all, Some(per_address)), Instant::now());
        for calls in capacities {
            bears(&mut ledger, calls);
            _ = join(&mut ledger, address(1), now);
        }
        for last in [2, 3] {
            prop_assert!(join(&mut ledger, address(last), now).is_ok());
        }
    }

    #[test]
    fn new_calls_never_exceed_what_is_measured_where_each_caller_has_one(
        capacity in 1..20_usize,
        callers in 0..40_u8,
    ) {
        let (mut ledger, now) = (ledger(32, Some(16)), Instant::now());
        bears(&mut ledger, capacity);
        for last in 0..callers {
            _ = join(&mut ledger, address(last), now);
        }
        prop_assert_eq!(ledger.count(Kind::Call), capacity.min(usize::from(callers)));
    }
}
