use proptest::prelude::*;

use super::*;

fn route(engines: &[usize], shares: &[(usize, u32)]) -> ResolvedRoute {
    let share = |(engine, percent): &(usize, u32)| Share {
        engine: *engine,
        name: format!("e{engine}"),
        percent: *percent,
    };
    ResolvedRoute {
        engines: engines.to_vec(),
        shares: shares.iter().map(share).collect(),
        ..ResolvedRoute::default()
    }
}

/// A request that these engines are asked for.
fn asked(engines: &[usize]) -> Tries {
    let mut tries = Tries::default();
    engines.iter().for_each(|engine| tries.asks(*engine));
    tries
}

#[test]
fn a_route_applies_to_its_languages_voices_and_tiers() {
    let route = ResolvedRoute {
        languages: vec!["de".into(), "nl".into()],
        voices: vec!["eva".into()],
        tiers: vec!["gold".into()],
        ..ResolvedRoute::default()
    };
    let ask = Ask { language: "nl", voice: "eva", tier: "gold", ..Ask::default() };
    assert!(route.fits(&ask));
    assert!(route.fits(&Ask { voice: "eva(2)+max", ..ask }) && route.fits(&Ask { voice: "eva#3", ..ask }));
    for other in [Ask { language: "en", ..ask }, Ask { voice: "", ..ask }, Ask { tier: "", ..ask }] {
        assert!(!route.fits(&other), "{other:?}");
    }
    assert!(ResolvedRoute::default().fits(&Ask::default()), "a route without conditions applies to all");
}

#[test]
fn an_engine_with_a_share_is_first_for_its_users_and_last_for_others() {
    let of = |percent| route(&[0, 1, 2], &[(0, percent)]).order("ann");
    assert_eq!(of(100), Order { engines: vec![0, 1, 2], lead: Reason::Share });
    assert_eq!(of(0), Order { engines: vec![1, 2, 0], lead: Reason::Route });
    let outside = route(&[1], &[(0, 100)]).order("ann");
    assert_eq!(outside.engines, [0, 1], "an engine may have a share without being anybody's second");
}

#[test]
fn a_conversation_stays_on_its_engine_and_leaves_one_that_failed_it() {
    let order = route(&[0, 1, 2], &[]).order("");
    assert_eq!(order.clone().keeping(2), Order { engines: vec![2, 0, 1], lead: Reason::Kept });
    assert_eq!(order.clone().keeping(0), order);
    assert_eq!(order.clone().keeping(7), order);
    assert_eq!(order.clone().avoiding(0), Order { engines: vec![1, 2, 0], lead: Reason::Failed });
    assert_eq!(order.avoiding(1).engines, [0, 2, 1]);
}

#[test]
fn the_next_engine_is_the_first_that_is_fit_and_the_reason_says_why_not_the_one_before() {
    use Fate::{Absent, Late, Refused};
    use Standing::{Fit, Shut, Unready};
    type Case<'a> = ([Standing; 3], &'a [usize], Option<Fate>, Option<(usize, Reason, bool)>);
    let cases: [Case<'_>; 12] = [
        ([Fit, Fit, Fit], &[], None, Some((0, Reason::Route, false))),
        ([Unready, Fit, Fit], &[], None, Some((1, Reason::Unhealthy, false))),
        ([Shut, Unready, Fit], &[], None, Some((2, Reason::BreakerOpen, false))),
        ([Fit, Fit, Fit], &[0], Some(Late), Some((1, Reason::Late, false))),
        ([Fit, Fit, Fit], &[0], Some(Fate::Failed), Some((1, Reason::Failed, false))),
        ([Fit, Unready, Fit], &[0], Some(Refused), Some((2, Reason::Refused, true))),
        ([Fit, Fit, Fit], &[0, 1], Some(Absent), Some((2, Reason::Unhealthy, true))),
        ([Unready, Unready, Unready], &[], None, Some((0, Reason::LastResort, false))),
        ([Unready, Shut, Unready], &[], None, Some((1, Reason::LastResort, false))),
        ([Fit, Unready, Shut], &[0], Some(Late), Some((2, Reason::LastResort, false))),
        ([Fit, Unready, Shut], &[0, 2], Some(Late), Some((1, Reason::LastResort, true))),
        ([Fit, Fit, Fit], &[0, 1, 2], Some(Late), None),
    ];
    let order = route(&[0, 1, 2], &[]).order("");
    for (standings, tried, after, expected) in cases {
        let choice = next(&order, |engine| standings[engine], &asked(tried), after);
        let expected = expected.map(|(engine, reason, last)| Choice { engine, reason, last });
        assert_eq!(choice, expected, "{standings:?} {tried:?}");
    }
}

#[test]
fn an_engine_that_has_failed_is_asked_again_if_it_is_fit_behind_those_that_have_not() {
    use Standing::{Fit, Shut, Unready};
    let order = route(&[0, 1, 2], &[]).order("");
    let mut tries = asked(&[0]);
    tries.failed(0);
    tries.asks(1);
    let choice = |standings: [Standing; 3], tries: &Tries| {
        let choice = next(&order, |engine| standings[engine], tries, Some(Fate::Failed));
        choice.map(|choice| (choice.engine, choice.reason, choice.last))
    };
    assert_eq!(choice([Fit, Fit, Unready], &tries), Some((2, Reason::LastResort, true)), "1 serves");
    tries.lost(1);
    assert_eq!(choice([Fit, Fit, Fit], &tries), Some((2, Reason::Failed, false)));
    assert_eq!(choice([Fit, Fit, Unready], &tries), Some((0, Reason::Failed, true)));
    assert_eq!(choice([Fit, Fit, Shut], &tries), Some((0, Reason::Failed, false)));
    assert_eq!(choice([Unready, Fit, Shut], &tries), Some((2, Reason::LastResort, true)));
    tries.asks(2);
    assert_eq!(choice([Unready, Fit, Fit], &tries), None, "it is not waited for");
}

/// What an engine does with a request.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// It fails before its first output.
    Fails,
    Refuses,
    /// It is late, so that the next one is asked beside it.
    Lingers,
    /// It begins to serve, and fails.
    Dies,
}

proptest! {
    #[test]
    fn no_engine_is_asked_more_than_twice_and_a_request_ends_whatever_its_engines_do(
        engines in 1_usize..6,
        steps in proptest::collection::vec((0_u8..4, proptest::array::uniform6(0_u8..3)), 1..40),
    ) {
        let order = route(&(0..engines).collect::<Vec<_>>(), &[]).order("");
        let (mut tries, mut times, mut gone) = (Tries::default(), vec![0; engines], vec![false; engines]);
        let (mut at_work, mut after, mut most) = (Vec::new(), None, 8 * engines);
        for (does, standings) in steps.iter().cycle() {
            let of = |engine: usize| [Standing::Fit, Standing::Unready, Standing::Shut][usize::from(standings[engine])];
            let choice = next(&order, of, &tries, after);
            if let Some(Choice { engine, .. }) = choice {
                prop_assert!(!gone[engine] && times[engine] < 2, "{engine} is asked again");
                times[engine] += 1;
                tries.asks(engine);
                at_work.push(engine);
            }
            let Some(newest) = at_work.last().copied() else { break };
            let does = match does {
                0 => Does::Fails,
                1 => Does::Refuses,
                2 if choice.is_some() => Does::Lingers,
                _ => Does::Dies,
            };
            after = Some(match does {
                Does::Lingers => Fate::Late,
                Does::Refuses => Fate::Refused,
                Does::Fails | Does::Dies => Fate::Failed,
            });
            match does {
                Does::Lingers => {}
                Does::Fails => tries.failed(newest),
                Does::Refuses => tries.refused(newest),
                Does::Dies => {
                    at_work.iter().filter(|other| **other != newest).for_each(|other| tries.beaten(*other));
                    at_work = vec![newest];
                    tries.lost(newest);
                }
            }
            if !matches!(does, Does::Lingers) {
                at_work.pop();
                gone[newest] |= !matches!(does, Does::Fails);
            }
            most -= 1;
            prop_assert!(most > 0, "the request goes on and on");
        }
    }

    #[test]
    fn every_engine_is_asked_once_and_those_that_are_fit_come_first(
        standings in proptest::collection::vec(0_u8..3, 1..6),
        user in "[a-z]{0,4}",
        percent in 0_u32..=100,
    ) {
        let of = |engine: usize| match standings[engine] {
            0 => Standing::Fit,
            1 => Standing::Unready,
            _ => Standing::Shut,
        };
        let all: Vec<usize> = (0..standings.len()).collect();
        let order = route(&all, &[(standings.len() - 1, percent)]).order(&user);
        let (mut tried, mut unfit) = (Vec::new(), false);
        while let Some(choice) = next(&order, of, &asked(&tried), None) {
            prop_assert!(!tried.contains(&choice.engine));
            let fit = of(choice.engine) == Standing::Fit;
            prop_assert!(fit != (choice.reason == Reason::LastResort) && !(fit && unfit));
            unfit |= !fit;
            tried.push(choice.engine);
            let others = all.iter().filter(|engine| !tried.contains(engine));
            let able = others.filter(|engine| !fit || of(**engine) != Standing::Unready).count();
            prop_assert_eq!(choice.last, able == 0, "waited for if no other is left that could serve");
        }
        tried.sort_unstable();
        prop_assert_eq!(tried, all);
    }
}
