//! The metrics of a server.

use crate::protocol::TurnServer;

pub(super) fn count_dropped(reason: &'static str) {
    metrics::counter!("visavis_turn_dropped_total", "reason" => reason).increment(1);
}

pub(super) fn count_allocations(server: &TurnServer) {
    metrics::gauge!("visavis_turn_allocations").set(server.count() as f64);
}

pub(super) fn count_bytes(direction: &'static str, bytes: usize) {
    metrics::counter!("visavis_turn_bytes_total", "direction" => direction).increment(bytes as u64);
}
