use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use proptest::prelude::*;

use super::*;

fn admission(calls: usize, animations: usize) -> Arc<Admission> {
    let limit = |in_all| Limit { in_all, per_principal: None };
    Admission::new(Limits {
        calls: limit(calls),
        animations: limit(animations),
        samples: limit(1),
        measurements: limit(1),
        requests: limit(1),
        followings: limit(1),
    })
}

fn address(last: u8) -> Principal {
    Principal::from(Some([192, 0, 2, last].into()))
}

#[test]
fn a_dropped_permit_is_given_back_at_once() {
    let admission = admission(1, 1);
    for kind in [Kind::Call, Kind::Animation, Kind::Sample, Kind::Measurement, Kind::Request, Kind::Following]
    {
        let permit = admission.admit(Principal::Anonymous, kind).unwrap();
        permit.note(Presence::Here);
        assert_eq!(admission.admit(Principal::Anonymous, kind).err(), Some(Refusal::Full(kind)));
        drop(permit);
        assert_eq!(admission.active(kind), 0);
        assert!(admission.admit(Principal::Anonymous, kind).is_ok());
    }
}

#[test]
fn one_kind_is_admitted_while_another_is_full() {
    let admission = admission(1, 1);
    let call = admission.admit(Principal::Anonymous, Kind::Call).unwrap();
    let animation = admission.admit(Principal::Anonymous, Kind::Animation).unwrap();
    assert_eq!((admission.active(Kind::Call), admission.active(Kind::Animation)), (1, 1));
    drop(call);
    assert_eq!((admission.active(Kind::Call), admission.active(Kind::Animation)), (0, 1));
    drop(animation);
    assert_eq!(admission.active(Kind::Animation), 0);
}

#[test]
fn requests_have_their_own_room_give_way_to_none_and_are_refused_while_the_server_stops() {
    let admission = admission(1, 1);
    let _call = admission.admit(address(1), Kind::Call).unwrap();
    let request = admission.admit(address(1), Kind::Request).unwrap();
    assert_eq!(admission.admit(address(2), Kind::Request).err(), Some(Refusal::Full(Kind::Request)));
    admission.stop();
    drop(request);
    assert_eq!(admission.admit(address(2), Kind::Request).err(), Some(Refusal::Stopping));
    assert!(admission.admit(address(2), Kind::Animation).is_ok(), "it ends with its connection");
}

#[test]
fn work_whose_permit_is_revoked_is_cancelled_before_or_after_it_begins() {
    for has_begun in [true, false] {
        let (admission, work) = (admission(2, 0), CancellationToken::new());
        let greedy = [(); 2].map(|()| admission.admit(address(1), Kind::Call).unwrap());
        let [oldest, _other] = greedy;
        if has_begun {
            oldest.cancel_when_revoked(work.clone());
        }
        let _newer = admission.admit(address(2), Kind::Call).unwrap();
        if !has_begun {
            oldest.cancel_when_revoked(work.clone());
        }
        assert!(work.is_cancelled(), "begun: {has_begun}");
        drop(oldest);
        assert_eq!(admission.active(Kind::Call), 2, "a revoked permit is not given back again");
    }
}

/// The value of a time series.
fn metric(metrics: &PrometheusHandle, series: &str) -> Option<f64> {
    let text = metrics.render();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}

#[test]
fn metrics_and_refusals_use_the_same_counts() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        let admission = admission(2, 1);
        let _animation = admission.admit(address(1), Kind::Animation).unwrap();
        assert!(admission.admit(address(1), Kind::Animation).is_err());
        assert_eq!(metrics.render(), "", "animations have no metrics");

        let greedy = [(); 2].map(|()| admission.admit(address(1), Kind::Call).unwrap());
        let call = admission.admit(address(2), Kind::Call).unwrap();
        call.note(Presence::Here);
        greedy[1].note(Presence::CutOff);
        assert!(admission.admit(address(3), Kind::Call).is_err());
        admission.stop();
        assert!(admission.admit(address(3), Kind::Call).is_err());
        for (series, expected) in [
            ("visavis_calls_active", 2.0),
            ("visavis_calls", 2.0),
            ("visavis_calls_without_client{presence=\"awaited\"}", 0.0),
            ("visavis_calls_without_client{presence=\"cut-off\"}", 1.0),
            ("visavis_calls_given_up_total", 1.0),
            ("visavis_calls_refused_total{reason=\"full\"}", 1.0),
            ("visavis_calls_refused_total{reason=\"stopping\"}", 1.0),
        ] {
            assert_eq!(metric(&metrics, series), Some(expected), "{series}");
        }
        drop((greedy, call));
        assert_eq!(metric(&metrics, "visavis_calls_active"), Some(0.0));
        assert_eq!(admission.active(Kind::Call), 0);
    });
}

/// Request work from an address, or drop one of the permits.
#[derive(Debug, Clone, Copy)]
enum Step {
    Admit(u8, Kind),
    Drop(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![3 => Just(Kind::Call), 1 => Just(Kind::Animation)];
    let step = prop_oneof![
        3 => (0..3_u8, kind).prop_map(|(last, kind)| Step::Admit(last, kind)),
        2 => any::<usize>().prop_map(Step::Drop),
    ];
    prop::collection::vec(step, 0..100)
}

proptest! {
    #[test]
    fn the_count_equals_the_live_permits_in_any_order_of_admissions_and_drops(steps in steps()) {
        let admission = admission(5, 2);
        let mut permits: Vec<(Permit, CancellationToken)> = Vec::new();
        for step in steps {
            match step {
                Step::Admit(last, kind) => {
                    if let Ok(permit) = admission.admit(address(last), kind) {
                        let work = CancellationToken::new();
                        permit.cancel_when_revoked(work.clone());
                        permits.push((permit, work));
                    }
                }
                Step::Drop(which) if !permits.is_empty() => drop(permits.swap_remove(which % permits.len())),
                Step::Drop(_) => {}
            }
            for kind in [Kind::Call, Kind::Animation] {
                let alive = permits.iter().filter(|(permit, work)| permit.kind() == kind && !work.is_cancelled());
                prop_assert_eq!(admission.active(kind), alive.count());
            }
        }
        permits.clear();
        prop_assert_eq!([Kind::Call, Kind::Animation].map(|kind| admission.active(kind)), [0, 0]);
        prop_assert!(admission.state.lock().work.is_empty(), "no work is remembered");
    }
}
