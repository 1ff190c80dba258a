//! RTP packets with arbitrary contents, as far as they are read here.

use super::*;

/// Reads an input as packets: milliseconds since the previous one, sequence number, timestamp, length and bytes of the payload.
fn packets(mut input: &[u8]) -> Vec<(u64, u16, u32, Bytes)> {
    let mut all = Vec::new();
    while let [step, s0, s1, t0, t1, t2, t3, length, rest @ ..] = input {
        let (payload, behind) = rest.split_at(usize::from(*length).min(rest.len()));
        let (sequence, clock) = (u16::from_le_bytes([*s0, *s1]), u32::from_le_bytes([*t0, *t1, *t2, *t3]));
        all.push((u64::from(*step), sequence, clock, Bytes::copy_from_slice(payload)));
        input = behind;
    }
    all
}

#[test]
fn arbitrary_packets_give_no_more_sound_than_time_has_passed() {
    visavis_fuzz::run("rtp", |input| {
        let mut path = MicPath::new().unwrap();
        let (mut ms, mut heard) = (0_u64, 0_usize);
        let mut listen = |from: u64, to: u64, path: &mut MicPath| {
            for tick in (from..to).filter(|ms| ms.is_multiple_of(20)) {
                let frames = path.tick(Duration::from_millis(tick));
                assert!(frames.len() <= FRAMES_PER_TICK);
                assert!(frames.iter().all(|frame| frame.samples.len() == MIC_FRAME));
                heard += frames.len();
                path.report(Duration::from_millis(tick));
                path.stutters(Duration::from_millis(tick));
            }
        };
        for (step, sequence, clock, payload) in packets(input) {
            listen(ms, ms + step, &mut path);
            ms += step;
            path.packet(Duration::from_millis(ms), sequence, clock, payload);
        }
        listen(ms, ms + 3_000, &mut path);
        // The last packet may hold 120 ms.
        let entitled = (ms + 3_000) as f64 / 1e3 * PACE + CATCHING_UP + 0.12 + 0.02;
        assert!(heard as f64 * 0.02 <= entitled, "{heard} frames within {ms} ms and 3 s");
    });
}
