use proptest::prelude::*;

use super::*;

/// One step of a test; numbers choose among addresses or permits.
#[derive(Debug, Clone, Copy)]
enum Step {
    Admit(u8, Kind),
    Note(usize, Presence),
    GiveBack(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![4 => Just(Kind::Call), 1 => Just(Kind::Animation)];
    let presence = prop_oneof![Just(Presence::Here), Just(Presence::CutOff), Just(Presence::Awaited)];
    let step = prop_oneof![
        4 => (0..4_u8, kind).prop_map(|(who, kind)| Step::Admit(who, kind)),
        2 => (any::<usize>(), presence).prop_map(|(which, presence)| Step::Note(which, presence)),
        1 => any::<usize>().prop_map(Step::GiveBack),
        1 => (0..12_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..120)
}

/// A permit as its holder knows it.
struct Known {
    id: PermitId,
    principal: Principal,
    kind: Kind,
    presence: Presence,
}

/// A ledger, and the permits as their holders know them.
struct World {
    ledger: Ledger,
    now: Instant,
    known: Vec<Known>,
}

impl World {
    fn new() -> Self {
        let calls = Limit { in_all: 6, per_principal: Some(3) };
        let animations = Limit { in_all: 2, per_principal: None };
        let ledger = Ledger::new(Limits {
            calls,
            animations,
            samples: animations,
            measurements: animations,
            requests: animations,
            followings: animations,
        });
        Self { ledger, now: Instant::now(), known: Vec::new() }
    }

    fn count(&self, of: impl Fn(&Known) -> bool) -> usize {
        self.known.iter().filter(|known| of(known)).count()
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Wait(seconds) => self.now += Duration::from_secs(seconds),
            Step::Admit(who, kind) => {
                let address = (who > 0).then(|| [192, 0, 2, who].into());
                self.admit(Principal::from(address), kind)?;
            }
            Step::Note(which, presence) if !self.known.is_empty() => {
                let which = which % self.known.len();
                self.known[which].presence = presence;
                self.ledger.note(self.known[which].id, presence, self.now);
            }
            Step::GiveBack(which) if !self.known.is_empty() => {
                let known = self.known.swap_remove(which % self.known.len());
                self.ledger.give_back(known.id);
            }
            Step::Note(..) | Step::GiveBack(_) => {}
        }
        Ok(())
    }

    fn admit(&mut self, principal: Principal, kind: Kind) -> Result<(), TestCaseError> {
        let limit = self.ledger.limits.of(&principal, kind);
        let is_full = self.count(|known| known.kind == kind) >= limit.in_all;
        let own = self.count(|known| known.kind == kind && known.principal == principal);
        let has_share = limit.per_principal.is_some_and(|share| own >= share);
        let present = |known: &Known| known.principal == principal && known.presence != Presence::CutOff;
        let left = limit.in_all.saturating_sub(self.count(|known| known.kind == kind));
        let is_reserved = kind == Kind::Call
            && limit.per_principal.is_some()
            && !has_share
            && !is_full
            && self.count(|known| known.kind == kind && present(known)) >= left;
        match self.ledger.admit(principal.clone(), kind, Claim::Begins, self.now) {
            Ok(Granted { id, revoked }) => {
                prop_assert_eq!(revoked.is_some(), is_full || has_share || is_reserved);
                if let Some(revoked) = revoked {
                    let held = self.known.iter().position(|known| known.id == revoked);
                    let known = self.known.swap_remove(held.expect("only what is held is revoked"));
                    prop_assert!(known.kind == kind && known.presence != Presence::Here);
                    prop_assert!(!(has_share || is_reserved) || known.principal == principal);
                }
                self.known.push(Known { id, principal, kind, presence: kind.presence() });
            }
            Err(refusal) => {
                prop_assert!(is_full || has_share || is_reserved);
                let expected = match (has_share, is_reserved) {
                    (true, _) => Refusal::Share(kind),
                    (false, true) => Refusal::Reserved(kind),
                    (false, false) => Refusal::Full(kind),
                };
                prop_assert_eq!(refusal, expected);
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for kind in [Kind::Call, Kind::Animation] {
            prop_assert_eq!(self.ledger.count(kind), self.count(|known| known.kind == kind));
            for presence in [Presence::Awaited, Presence::Here, Presence::CutOff] {
                let count = self.count(|known| known.kind == kind && known.presence == presence);
                prop_assert_eq!(self.ledger.count_with(kind, presence), count);
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn limits_always_hold_and_calls_with_a_present_client_never_give_way(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step)?;
            world.check()?;
        }
    }
}
