use super::*;

/// Admissions by hand: a second passes with each.
struct Door {
    admission: Admission,
    now: Instant,
    callers: usize,
}

impl Door {
    fn new(calls: usize, per_address: usize) -> Self {
        let admission = Admission::new(Limits { calls, per_address });
        Self { admission, now: Instant::now(), callers: 0 }
    }

    /// The id of the new call, and of the one that was given up for it.
    fn admit(&mut self, address: Option<&str>) -> Result<(String, Option<String>), Refusal> {
        self.now += Duration::from_secs(1);
        self.callers += 1;
        let id = self.callers.to_string();
        let address = address.map(|address| address.parse().unwrap());
        Ok((id.clone(), self.admission.admit(id, address, self.now)?))
    }

    fn here(&mut self, id: &str) {
        self.admission.note(id, Presence::Here, self.now);
    }

    fn join(&mut self, address: &str) -> String {
        let (id, _) = self.admit(Some(address)).unwrap();
        self.here(&id);
        id
    }
}

#[test]
fn calls_that_nobody_joins_never_keep_out_those_that_are_joined() {
    let mut door = Door::new(32, 0);
    for _ in 0..300 {
        let (flood, _) = door.admit(Some("192.0.2.1")).unwrap();
        assert!(door.admission.places.contains_key(&flood));
    }
    for caller in 0..32 {
        let address = format!("198.51.100.{caller}");
        let mut tries = 0;
        let id = loop {
            tries += 1;
            let asked = door.admit(Some(&address));
            // The flood goes on between the offer and the connection.
            let _ = door.admit(Some("192.0.2.1"));
            match asked {
                Ok((id, _)) => break id,
                Err(_) => assert!(tries < 4, "caller {caller} is kept out"),
            }
        };
        assert!(door.admission.places.contains_key(&id), "caller {caller} was pushed out");
        assert!(tries == 1 || caller > 28, "there was room for caller {caller}");
        door.here(&id);
    }
    assert_eq!(door.admission.taken(), 32);
    assert_eq!(door.admit(Some("192.0.2.1")), Err(Refusal::Full));
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
    assert!(door.admission.places.contains_key(&caller), "it has the time to connect");
}

#[test]
fn of_calls_that_nobody_joined_the_oldest_of_the_greediest_gives_way() {
    let mut door = Door::new(4, 0);
    let [lone, first, second, _] =
        ["192.0.2.9", "192.0.2.1", "192.0.2.1", "192.0.2.2"].map(|one| door.admit(Some(one)).unwrap().0);
    assert_eq!(door.admit(Some("192.0.2.3")).unwrap().1, Some(first));
    door.here(&second);
    assert_eq!(door.admit(Some("192.0.2.4")).unwrap().1, Some(lone), "of equal ones the oldest");
}

#[test]
fn one_address_has_its_share_and_another_is_not_kept_out() {
    let mut door = Door::new(8, 2);
    let first = door.join("192.0.2.1");
    door.join("::ffff:192.0.2.1");
    assert_eq!(door.admit(Some("192.0.2.1")), Err(Refusal::Share));
    door.join("192.0.2.2");
    door.admission.leave(&first);
    let (waiting, _) = door.admit(Some("192.0.2.1")).unwrap();
    assert_eq!(door.admit(Some("192.0.2.1")), Err(Refusal::Share), "its own may be about to connect");
    door.now += OWN_GRACE;
    assert_eq!(door.admit(Some("192.0.2.1")).unwrap().1, Some(waiting), "its own that nobody joined");
}

#[test]
fn an_ipv6_subscriber_is_a_network_and_unnamed_callers_have_no_share() {
    let mut door = Door::new(8, 2);
    door.join("2001:db8:1:1::1");
    door.join("2001:db8:1:1:ffff::2");
    assert_eq!(door.admit(Some("2001:db8:1:1::3")), Err(Refusal::Share));
    door.join("2001:db8:1:2::1");
    for _ in 0..5 {
        let (id, _) = door.admit(None).unwrap();
        door.here(&id);
    }
    assert_eq!(door.admit(None), Err(Refusal::Full));
}

#[test]
fn a_client_that_is_cut_off_keeps_its_place_until_somebody_needs_it() {
    let mut door = Door::new(2, 0);
    let gone = door.join("192.0.2.1");
    let back = door.join("192.0.2.2");
    for id in [&gone, &back] {
        door.admission.note(id, Presence::CutOff, door.now);
    }
    assert_eq!(door.admit(Some("192.0.2.3")), Err(Refusal::Full), "it may come back");
    door.here(&back);
    door.now += PATIENCE;
    assert_eq!(door.admit(Some("192.0.2.3")).unwrap().1, Some(gone));
    assert_eq!(door.admission.taken(), 2);
}
