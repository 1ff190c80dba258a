//! Percentiles of a few hundred values, computed exactly.

use serde::Serialize;

/// A summary of values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Number of values.
    pub count: usize,
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The largest.
    pub max: f64,
}

/// Summarises values; `None` if there are none.
#[must_use]
pub fn summarise(mut values: Vec<f64>) -> Option<Summary> {
    values.sort_by(f64::total_cmp);
    // Nearest rank: always a value that was measured.
    let rank = |share: f64| values.get(((values.len() as f64 * share).ceil() as usize).max(1) - 1).copied();
    Some(Summary { count: values.len(), p50: rank(0.5)?, p95: rank(0.95)?, max: *values.last()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_measured_values_by_nearest_rank() {
        let summary = summarise((1..=20).rev().map(f64::from).collect()).unwrap();
        assert_eq!((summary.p50, summary.p95, summary.max), (10.0, 19.0, 20.0));
        assert_eq!(summarise(vec![7.0]).unwrap().p95, 7.0);
        assert_eq!(summarise(vec![]), None);
    }
}
