//! Chooses the engine for a request, and the next one. Pure: the state of the engines is passed in.

use std::time::Duration;

use super::share::{Share, engine_of};
use crate::route::Reason;

/// The attributes that a request is matched by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask<'a> {
    /// ISO 639-1; empty: not known.
    pub language: &'a str,
    /// Empty: none is named.
    pub voice: &'a str,
    /// Empty: not known.
    pub user: &'a str,
    /// Empty: none.
    pub tier: &'a str,
}

/// A configured route whose engine names are resolved to indices.
#[derive(Debug, Clone, Default)]
pub struct ResolvedRoute {
    /// Languages that it applies to; empty: any.
    pub languages: Vec<String>,
    /// Voices that it applies to; empty: any.
    pub voices: Vec<String>,
    /// Tiers that it applies to; empty: any.
    pub tiers: Vec<String>,
    /// Engines in the order in which they are tried.
    pub engines: Vec<usize>,
    /// Shares of the users.
    pub shares: Vec<Share>,
    /// Engines that get copies.
    pub shadows: Vec<usize>,
    /// Deadline for an engine's first output, after which the next one is asked as well.
    pub first: Duration,
}

impl ResolvedRoute {
    /// Whether it applies to a request.
    #[must_use]
    pub fn fits(&self, ask: &Ask<'_>) -> bool {
        let in_any = |list: &[String], one: &str| list.is_empty() || list.iter().any(|listed| listed == one);
        let first = ask.voice.split(['+', '(', '#']).next().unwrap_or_default().trim();
        in_any(&self.languages, ask.language)
            && in_any(&self.tiers, ask.tier)
            && (in_any(&self.voices, ask.voice) || in_any(&self.voices, first))
    }

    /// The order of engines for a user: that of the user's share, then those without a share, then those with another share.
    #[must_use]
    pub fn order(&self, user: &str) -> Order {
        let own = engine_of(user, &self.shares);
        let shared = |engine: usize| self.shares.iter().any(|share| share.engine == engine);
        let mut engines: Vec<usize> = own.into_iter().collect();
        for with_share in [false, true] {
            let more = self.engines.iter().copied().filter(|engine| shared(*engine) == with_share);
            engines.extend(more.filter(|engine| Some(*engine) != own));
        }
        Order { engines, lead: if own.is_some() { Reason::Share } else { Reason::Route } }
    }
}

/// Engines in the order in which a request tries them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Their indices.
    pub engines: Vec<usize>,
    /// Why the first one is first.
    pub lead: Reason,
}

impl Order {
    /// The order with this engine first, if it is one of them: the conversation used it before.
    #[must_use]
    pub fn keeping(mut self, engine: usize) -> Self {
        if let Some(at @ 1..) = self.engines.iter().position(|other| *other == engine) {
            self.engines[..=at].rotate_right(1);
            self.lead = Reason::Kept;
        }
        self
    }

    /// The order with this engine last, if it is one of several: it has just failed the conversation.
    #[must_use]
    pub fn avoiding(mut self, engine: usize) -> Self {
        let at = self.engines.iter().position(|other| *other == engine);
        if let Some(at) = at.filter(|_| self.engines.len() > 1) {
            self.engines[at..].rotate_left(1);
            if at == 0 {
                self.lead = Reason::Failed;
            }
        }
        self
    }
}

/// The current state of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is ready, and its breaker lets requests pass.
    Fit,
    /// It is not ready.
    Unready,
    /// It is ready, but its breaker is open.
    Shut,
}

/// Why an engine that was asked does not serve, or not alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has returned nothing by the deadline.
    Late,
    /// It failed.
    Failed,
    /// It refused the request.
    Refused,
    /// It turned out not to be ready, or was too busy.
    Absent,
}

/// The engine to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Its index.
    pub engine: usize,
    /// Why.
    pub reason: Reason,
    /// No other engine could serve now, so this one is waited for.
    pub last: bool,
}

/// The engine to ask next; none: all were asked. `after`: the outcome of the previous one.
#[must_use]
pub fn next(
    order: &Order,
    standing: impl Fn(usize) -> Standing,
    tried: &[usize],
    after: Option<Fate>,
) -> Option<Choice> {
    let left: Vec<(usize, Standing)> = order
        .engines
        .iter()
        .filter(|engine| !tried.contains(engine))
        .map(|engine| (*engine, standing(*engine)))
        .collect();
    let Some(at) = left.iter().position(|(_, standing)| *standing == Standing::Fit) else {
        // A ready engine may have recovered before its breaker allows a probe; any other must first become ready.
        let shut = left.iter().find(|(_, standing)| *standing == Standing::Shut);
        let engine = shut.or(left.first())?.0;
        return Some(Choice { engine, reason: Reason::LastResort, last: left.len() == 1 });
    };
    let others = left.iter().enumerate().filter(|(index, _)| *index != at);
    let last = others.map(|(_, (_, standing))| *standing).all(|standing| standing == Standing::Unready);
    let reason = match (after, left[0].1) {
        (Some(Fate::Late), _) => Reason::Late,
        (Some(Fate::Failed), _) => Reason::Failed,
        (Some(Fate::Refused), _) => Reason::Refused,
        (Some(Fate::Absent), _) | (None, Standing::Unready) => Reason::Unhealthy,
        (None, Standing::Shut) => Reason::BreakerOpen,
        (None, Standing::Fit) => order.lead,
    };
    Some(Choice { engine: left[at].0, reason, last })
}

#[cfg(test)]
mod tests {
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
        assert!(
            route.fits(&Ask { voice: "eva(2)+max", ..ask }) && route.fits(&Ask { voice: "eva#3", ..ask })
        );
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
            let choice = next(&order, |engine| standings[engine], tried, after);
            let expected = expected.map(|(engine, reason, last)| Choice { engine, reason, last });
            assert_eq!(choice, expected, "{standings:?} {tried:?}");
        }
    }

    proptest! {
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
            while let Some(choice) = next(&order, of, &tried, None) {
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
}
