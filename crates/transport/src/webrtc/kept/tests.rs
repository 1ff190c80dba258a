//! What a client may hand over, and when.

use super::*;
use crate::protocol::{Packet, Received, Rtvi};

/// 20 ms as a client packs them.
fn piece(protocol: &Rtvi) -> Sound {
    let mut bytes = vec![1_u8, 1];
    bytes.resize(12 + 640, 7);
    let Received::Sound(sound) = protocol.receive(Packet::from(bytes)) else { panic!("it is sound") };
    sound
}

/// How many of as many pieces are taken at four times the pace of speech.
async fn taken(kept: &mut KeptSound, pieces: usize) -> usize {
    let protocol = Rtvi::default();
    let mut taken = 0;
    for _ in 0..pieces {
        taken += usize::from(kept.take(&piece(&protocol), &protocol).await);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    taken
}

#[tokio::test(start_paused = true)]
async fn only_a_client_that_comes_back_hands_sound_over_and_a_bounded_amount() {
    let (mut kept, mut first) = KeptSound::new(false);
    let heard = tokio::spawn(async move {
        let mut heard = 0_usize;
        while first.recv().await.is_some() {
            heard += 1;
        }
        heard
    });
    assert_eq!(taken(&mut kept, 5).await, 0, "it has not connected");
    kept.connected();
    assert_eq!(taken(&mut kept, 5).await, 0, "it begins its call");
    kept.connected();
    assert_eq!(taken(&mut kept, 1_330).await, 1_330, "20 s, and what is said meanwhile");
    let much = taken(&mut kept, 4_000).await;
    assert!(much < 1_400, "it goes on at the pace of speech: {much}");
    tokio::time::sleep(WITHIN).await;
    assert_eq!(taken(&mut kept, 5).await, 0, "its time is over");
    drop(kept);
    assert_eq!(heard.await.unwrap(), 1_330 + much);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_on_by_a_token_hands_over_on_its_first_connection() {
    let (mut kept, _first) = KeptSound::new(true);
    kept.connected();
    assert_eq!(taken(&mut kept, 5).await, 5);
}
