//! A client that sends nothing in a pause (DTX), as browsers do: the first packet without sound, and then none until there is
//! sound again or 400 ms have passed.

use super::*;

/// Length of a frame in ms.
const FRAME: usize = 20;
/// How long after its last sample a packet arrives, in ms.
const TRANSIT: usize = 7;

/// A packet, and the number of its frame on the client's clock.
struct Sent {
    place: usize,
    payload: Bytes,
}

/// A microphone that was asked as `webrtc::sound` asks it.
struct Heard {
    path: MicPath,
    /// The time of each tick in ms, and its frames.
    ticks: Vec<(usize, Vec<AudioFrame>)>,
}

/// What a client sends of this many frames of a tone, this many of digital silence, and of the tone again.
fn sent(tone: usize, pause: usize) -> Vec<Sent> {
    let mut encoder = opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
    encoder.set_dtx(true).unwrap();
    let mut pauses = false;
    let packet = |place: usize| {
        let level = if (tone..tone + pause).contains(&place) { 0.0 } else { 9_000.0 };
        let sample = |n: usize| ((n as f64 / 48_000.0 * 440.0 * std::f64::consts::TAU).sin() * level) as i16;
        let samples: Vec<i16> = (place * 960..(place + 1) * 960).map(sample).collect();
        let payload = Bytes::from(encoder.encode_vec(&samples, 1_000).unwrap());
        let is_next_of_pause = std::mem::replace(&mut pauses, payload.len() <= 2) && payload.len() <= 2;
        (!is_next_of_pause).then_some(Sent { place, payload })
    };
    (0..2 * tone + pause).filter_map(packet).collect()
}

fn hear(sent: &[Sent], frames: usize) -> Heard {
    let mut heard = Heard { path: MicPath::new().unwrap(), ticks: Vec::new() };
    let mut arriving = sent.iter().zip(0_u16..).peekable();
    let mut due = 0;
    for ms in 0..frames * FRAME {
        let now = Duration::from_millis(ms as u64);
        let mut comes = false;
        while let Some((packet, number)) =
            arriving.next_if(|(packet, _)| (packet.place + 1) * FRAME + TRANSIT <= ms)
        {
            comes = true;
            assert!(heard.path.packet(now, number, packet.place as u32 * 960, packet.payload.clone()));
        }
        if ms >= due || (comes && heard.path.rests()) {
            heard.ticks.push((ms, heard.path.tick(now)));
            due = ms + heard.path.pause().as_millis() as usize;
        }
    }
    heard
}

/// A frame of the tone.
fn is_loud(frame: &AudioFrame) -> bool {
    frame.samples.iter().any(|sample| sample.unsigned_abs() > 3_000)
}

#[test]
fn a_pause_that_is_not_sent_keeps_its_length_is_no_loss_and_costs_the_next_word_nothing() {
    let sent = sent(50, 200);
    assert!((105..160).contains(&sent.len()), "of 300 frames {} are sent", sent.len());
    let heard = hear(&sent, 303);
    let frames: Vec<&AudioFrame> = heard.ticks.iter().flat_map(|(_, frames)| frames).collect();
    assert!((299..=306).contains(&frames.len()), "{} frames in 303", frames.len());
    let loud: Vec<usize> = (0..frames.len()).filter(|place| is_loud(frames[*place])).collect();
    assert!((98..=104).contains(&loud.len()), "{} loud frames", loud.len());
    let pause = loud.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!((197..=203).contains(&pause), "{pause} frames between the words");
    assert_eq!(heard.path.jitter.counts(), JitterCounts::default(), "nothing is lost, late or a gap");
    assert_eq!(heard.path.jitter.target_delay(), Duration::from_millis(20));
}

#[test]
fn a_microphone_at_rest_is_asked_less_often_keeps_time_and_hears_a_word_with_its_first_packet() {
    let sent = sent(50, 500);
    let Heard { ticks, .. } = hear(&sent, 605);
    let mut length = 0;
    for (ms, frames) in &ticks {
        length += frames.len() * FRAME;
        assert!(length <= ms + 2 * FRAME && *ms <= length + 140, "{length} ms are heard after {ms} ms");
    }
    let in_rest = ticks.iter().filter(|(ms, _)| (7_000..11_000).contains(ms)).count();
    assert!((50..100).contains(&in_rest), "{in_rest} ticks in 4 s");
    // The word's first packet.
    let comes = (550 + 1) * FRAME + TRANSIT;
    let (_, frames) = ticks.iter().find(|(ms, _)| *ms == comes).expect("it is heard as it comes");
    assert!(frames.last().is_some_and(|frame| frame.received));
    let after = ticks.iter().filter(|(ms, _)| (comes..comes + 200).contains(ms)).count();
    assert!(after >= 10, "then every frame is: {after} ticks in 200 ms");
    let loud: Vec<usize> =
        ticks.iter().filter(|(_, frames)| frames.iter().any(is_loud)).map(|(ms, _)| *ms).collect();
    let word = loud.iter().find(|ms| **ms > 5_000).unwrap();
    assert!(*word <= comes + 3 * FRAME, "it sounds at {word} ms");
}
