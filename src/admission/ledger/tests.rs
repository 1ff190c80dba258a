use super::*;

/// Admits calls by hand; a second passes with each.
struct Door {
    ledger: Ledger,
    now: Instant,
}

impl Door {
    fn new(calls: usize, per_address: usize) -> Self {
        let per_principal = (per_address > 0).then_some(per_address);
        let animations = Limit { in_all: 2, per_principal: None };
        let calls = Limit { in_all: calls, per_principal };
        let ledger = Ledger::new(Limits {
            calls,
            animations,
            samples: animations,
            measurements: animations,
            requests: animations,
            followings: animations,
        });
        Self { ledger, now: Instant::now() }
    }

    /// The new call's permit, and the one that was revoked for it.
    fn admit(&mut self, address: Option<&str>) -> Result<(PermitId, Option<PermitId>), Refusal> {
        self.now += Duration::from_secs(1);
        let address = address.map(|address| address.parse().unwrap());
        let granted = self.ledger.admit(Principal::from(address), Kind::Call, Claim::Begins, self.now)?;
        Ok((granted.id, granted.revoked))
    }

    fn animate(&mut self, principal: Principal) -> Result<Granted, Refusal> {
        self.ledger.admit(principal, Kind::Animation, Claim::Begins, self.now)
    }

    fn here(&mut self, id: PermitId) {
        self.ledger.note(id, Presence::Here, self.now);
    }

    fn join(&mut self, address: &str) -> PermitId {
        let (id, _) = self.admit(Some(address)).unwrap();
        self.here(id);
        id
    }
}

#[test]
fn calls_that_nobody_joins_never_keep_out_others() {
    let mut door = Door::new(32, 0);
    for _ in 0..300 {
        let (flood, _) = door.admit(Some("192.0.2.1")).unwrap();
        assert!(door.ledger.holds(flood));
    }
    for caller in 0..32 {
        let address = format!("198.51.100.{caller}");
        let mut tries = 0;
        let id = loop {
            tries += 1;
            let asked = door.admit(Some(&address));
            // The flood continues between the offer and the connection.
            let _ = door.admit(Some("192.0.2.1"));
            match asked {
                Ok((id, _)) => break id,
                Err(_) => assert!(tries < 4, "caller {caller} is kept out"),
            }
        };
        assert!(door.ledger.holds(id), "caller {caller} was pushed out");
        assert!(tries == 1 || caller > 28, "there was room for caller {caller}");
        door.here(id);
    }
    assert_eq!(door.ledger.count(Kind::Call), 32);
    assert_eq!(door.admit(Some("192.0.2.1")), Err(Refusal::Full(Kind::Call)));
}

#[test]
fn a_burst_of_offers_from_the_callers_own_address_does_not_keep_it_out() {
    let mut door = Door::new(32, 0);
    let at_once = |door: &mut Door| {
        let (id, _) = door.admit(None).unwrap();
        door.now -= Duration::from_millis(999);
        id
    };
    for _ in 0..100 {
        at_once(&mut door);
    }
    let caller = at_once(&mut door);
    for _ in 0..6 {
        at_once(&mut door);
    }
    assert!(door.ledger.holds(caller), "it has time to connect");
}

#[test]
fn the_oldest_unjoined_call_of_the_principal_with_the_most_gives_way() {
    let mut door = Door::new(4, 0);
    let [lone, first, second, _] =
        ["192.0.2.9", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map(|one| door.admit(Some(one)).unwrap().0);
    assert_eq!(door.admit(Some("192.0.2.3")).unwrap().1, Some(first));
    door.here(second);
    assert_eq!(door.admit(Some("192.0.2.4")).unwrap().1, Some(lone), "of equals the oldest");
}

#[test]
fn an_address_is_limited_to_its_share_and_others_are_not_kept_out() {
    let mut door = Door::new(8, 2);
    let first = door.join("192.0.2.1");
    door.join("::ffff:192.0.2.1");
    assert_eq!(door.admit(Some("192.0.2.1")), Err(Refusal::Share(Kind::Call)));
    door.join("192.0.2.2");
    door.ledger.give_back(first);
    let (waiting, _) = door.admit(Some("192.0.2.1")).unwrap();
    assert_eq!(
        door.admit(Some("192.0.2.1")),
        Err(Refusal::Share(Kind::Call)),
        "its unjoined call may be about to connect"
    );
    door.now += OWN_GRACE;
    assert_eq!(door.admit(Some("192.0.2.1")).unwrap().1, Some(waiting), "its own unjoined call");
}

#[test]
fn an_ipv6_network_counts_as_one_address_and_anonymous_callers_have_no_share() {
    let mut door = Door::new(8, 2);
    door.join("2001:db8:1:1::1");
    door.join("2001:db8:1:1:ffff::2");
    assert_eq!(door.admit(Some("2001:db8:1:1::3")), Err(Refusal::Share(Kind::Call)));
    door.join("2001:db8:1:2::1");
    for _ in 0..5 {
        let (id, _) = door.admit(None).unwrap();
        door.here(id);
    }
    assert_eq!(door.admit(None), Err(Refusal::Full(Kind::Call)));
}

#[test]
fn a_call_whose_client_is_cut_off_keeps_its_permit_until_it_is_needed() {
    let mut door = Door::new(2, 0);
    let gone = door.join("192.0.2.1");
    let back = door.join("192.0.2.2");
    for id in [gone, back] {
        door.ledger.note(id, Presence::CutOff, door.now);
    }
    assert_eq!(door.admit(Some("192.0.2.3")), Err(Refusal::Full(Kind::Call)), "it may come back");
    door.here(back);
    door.now += PATIENCE;
    assert_eq!(door.admit(Some("192.0.2.3")).unwrap().1, Some(gone));
    assert_eq!(door.ledger.count(Kind::Call), 2);
}

#[test]
fn kinds_are_counted_separately_and_do_not_revoke_each_other() {
    let mut door = Door::new(2, 0);
    let animations = [(); 2].map(|()| door.animate(Principal::Anonymous).unwrap().id);
    let calls = [(); 2].map(|()| door.admit(None).unwrap().0);
    door.now += PATIENCE;
    assert_eq!(door.animate(Principal::Anonymous), Err(Refusal::Full(Kind::Animation)), "it is not queued");
    assert!(
        calls.iter().all(|call| door.ledger.holds(*call)),
        "unjoined calls do not give way to animations"
    );
    let (_, revoked) = door.admit(None).unwrap();
    assert_eq!(revoked, Some(calls[0]));
    assert!(animations.iter().all(|animation| door.ledger.holds(*animation)));
    door.ledger.give_back(animations[0]);
    assert_eq!(door.ledger.count(Kind::Animation), 1);
    assert!(door.animate(Principal::Anonymous).is_ok(), "the permit is available at once");
}

#[test]
fn a_share_limits_one_kind_only() {
    let mut door = Door::new(8, 1);
    let caller = Principal::from(Some([192, 0, 2, 1].into()));
    door.animate(caller.clone()).unwrap();
    let call = door.join("192.0.2.1");
    assert!(door.animate(caller).is_ok(), "animations have no share");
    assert_eq!(door.admit(Some("192.0.2.1")), Err(Refusal::Share(Kind::Call)));
    assert!(door.ledger.holds(call));
}

#[test]
fn a_stopping_server_admits_no_calls_and_keeps_those_it_has() {
    let mut door = Door::new(2, 0);
    let call = door.join("192.0.2.1");
    door.ledger.stop();
    assert!(door.ledger.is_stopping() && door.ledger.holds(call));
    assert_eq!(door.admit(None), Err(Refusal::Stopping));
    assert!(door.animate(Principal::Anonymous).is_ok(), "an animation ends with its connection");
}
