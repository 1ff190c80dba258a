use super::*;

const PATIENCE: Duration = Duration::from_secs(15);
const FILLER: ResponseId = ResponseId(1);
const RESPONSE: ResponseId = ResponseId(2);

/// A log that receives events at times relative to the question's end.
struct Told {
    asked: Instant,
    log: TurnLog,
}

impl Told {
    fn new() -> Self {
        let asked = Instant::now();
        let mut log = TurnLog::default();
        log.asked(asked);
        Self { asked, log }
    }

    fn at(&self, ms: u64) -> Instant {
        self.asked + Duration::from_millis(ms)
    }

    fn message(&mut self, ms: u64, message: ServerMessage) {
        let at = self.at(ms);
        self.log.event(Arrived { at, event: Event::Message(message) });
    }

    /// A response of one segment that sounds for half a second.
    fn says(&mut self, ms: u64, response: ResponseId, text: &str) {
        self.message(ms, ServerMessage::BotStartedSpeaking { response });
        self.message(ms, ServerMessage::BotOutput { text: text.into(), response });
        for frame in 0..25 {
            let at = self.at(ms + 20 * frame);
            let event = Event::Audio { samples: vec![8_000; 320], response: Some(response) };
            self.log.event(Arrived { at, event });
        }
        self.message(ms + 500, ServerMessage::BotStoppedSpeaking { response });
    }

    fn asks_to_wait(&mut self, ms: u64) {
        let message = "One moment.".to_owned();
        self.message(ms, ServerMessage::Notice { code: "one-moment".into(), message });
        self.says(ms, FILLER, "One moment.");
    }
}

#[test]
fn the_response_is_awaited_after_a_request_to_wait() {
    let mut told = Told::new();
    told.asks_to_wait(2_500);
    assert!(!told.log.over());
    assert_eq!(told.log.deadline(PATIENCE), Some(told.at(15_000)));

    told.says(6_000, RESPONSE, "It is blue.");
    assert!(told.log.over());
    let report = told.log.report();
    assert_eq!((report.response, report.response_text.as_str()), (Some(RESPONSE), "It is blue."));
    assert!(report.voice_to_voice_ms.is_some_and(|ms| ms >= 6_000.0), "{report:?}");
}

#[test]
fn a_question_with_only_a_request_to_wait_is_unanswered() {
    let mut told = Told::new();
    told.asks_to_wait(2_500);
    let report = told.log.report();
    assert_eq!((report.response, report.response_text.as_str()), (None, ""));
    assert_eq!(report.notices, ["one-moment: One moment."]);
}

#[test]
fn a_response_that_a_filler_precedes_is_the_response() {
    let mut told = Told::new();
    let message = "One moment.".to_owned();
    told.message(2_500, ServerMessage::Notice { code: "one-moment".into(), message });
    told.says(4_000, RESPONSE, "It is blue.");
    assert!(told.log.over());
    assert_eq!(told.log.report().response_text, "It is blue.");
}
