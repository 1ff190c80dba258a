//! The voices that the client chooses. Each speaks its own language, so a choice holds for that language alone: a Spanish voice
//! does not change how English sounds. It takes effect with the next response that begins; a speculative one begins again.

use crate::event::CallEvent;
use crate::voice::{self, ChosenVoice, KnownVoice};

use super::lines::language_name;
use super::{Command, Conversation};

/// A voice that the client chooses, until the engine has listed its voices anew.
#[derive(Debug)]
pub(super) struct VoiceWish {
    message: Option<String>,
    name: String,
}

impl Conversation {
    /// The voice that speaks this language; empty: the engine's first.
    pub(super) fn voice_for(&self, language: &str) -> String {
        let chosen = &self.settings.chosen_voices;
        let own = chosen.get(self.spoken_language(language)).or_else(|| chosen.get(""));
        own.unwrap_or(&self.settings.voice).clone()
    }

    /// The name of the voice that speaks this language, as far as it is known.
    pub(super) fn voice_used(&self, language: &str) -> String {
        let voice = self.voice_for(language);
        if !voice.is_empty() {
            return voice;
        }
        let first = voice::first(&self.settings.known_voices, self.spoken_language(language));
        first.map(|voice| voice.name.clone()).unwrap_or_default()
    }

    /// The language that is spoken where this one is asked for: without one, that of the voice.
    pub(super) fn spoken_language<'a>(&'a self, language: &'a str) -> &'a str {
        let (known, own) = (&self.settings.known_voices, self.settings.voice.as_str());
        if !language.is_empty() {
            return language;
        }
        let first = own.split(['+', '(', '#']).next().unwrap_or_default().trim();
        let voice = match known.iter().find(|voice| voice.name == own || voice.name == first) {
            None if own.is_empty() => known.first(),
            found => found,
        };
        voice.map_or("", |voice| voice.language.as_str())
    }

    /// The client chooses a voice; `None`: each language's first again.
    pub(super) fn set_voice(&mut self, now: u64, message: Option<String>, name: Option<String>) {
        if let Some(VoiceWish { message, .. }) = self.voice_wish.take() {
            let fault = "set-voice: replaced by a newer choice before the voices were listed".into();
            self.emit(CallEvent::BadMessage { id: message, message: fault });
        }
        let Some(name) = name else {
            self.settings.chosen_voices.clear();
            self.other_voice_told = false;
            return self.voices_changed(now, message);
        };
        let known = &self.settings.known_voices;
        match voice::find(known, &name, "") {
            Ok(chosen) if !known.is_empty() => self.take_voice(now, message, chosen),
            // Voices may have come since the call began.
            _ => {
                self.voice_wish = Some(VoiceWish { message, name });
                self.commands.push(Command::ListVoices);
            }
        }
    }

    /// The engine has listed its voices, or could not.
    pub(super) fn voices_listed(&mut self, now: u64, listed: Option<Vec<KnownVoice>>) {
        let could = listed.is_some();
        if let Some(listed) = listed {
            self.settings.known_voices = listed;
        }
        let Some(VoiceWish { message, name }) = self.voice_wish.take() else { return };
        let language = self.voiced(&self.language);
        let found = match could {
            true => voice::find(&self.settings.known_voices, &name, self.spoken_language(&language)),
            false => Err("the voices cannot be listed now; try again in a moment".to_owned()),
        };
        match found {
            Ok(chosen) => self.take_voice(now, message, chosen),
            Err(fault) => {
                let text = format!("set-voice: d.voice: {fault}");
                self.emit(CallEvent::BadMessage { id: message, message: text });
            }
        }
    }

    fn take_voice(&mut self, now: u64, message: Option<String>, chosen: ChosenVoice) {
        let ChosenVoice { name, language } = chosen;
        if language.is_empty() {
            // It speaks any language, also those that had a voice of their own.
            self.settings.chosen_voices.clear();
        }
        if self.refused_voice == name {
            self.refused_voice.clear();
        }
        self.settings.chosen_voices.insert(language, name);
        self.other_voice_told = false;
        self.voices_changed(now, message);
        self.tell_of_other_voice();
    }

    /// The engine has refused a voice, and the response goes on with another one. The person is told once a voice.
    pub(super) fn voice_refused(&mut self, voice: String, by_name: bool) {
        if by_name {
            self.forget_voice(&voice);
        }
        if self.refused_voice != voice {
            self.notice(
                "voice-refused",
                &format!("The voice {voice:?} cannot speak now, so another one does."),
            );
            self.refused_voice = voice;
        }
    }

    /// A voice is not there any more, such as a clone that was removed: it is not asked for again, unless the client chooses it
    /// anew, for which the engine lists its voices.
    fn forget_voice(&mut self, gone: &str) {
        let settings = &mut self.settings;
        settings.chosen_voices.retain(|_, chosen| chosen.as_str() != gone);
        settings.known_voices.retain(|known| known.name != gone);
        if settings.voice == gone {
            settings.voice.clear();
        }
        for response in [&mut self.response, &mut self.speculative].into_iter().flatten() {
            if response.voice == gone {
                let first = voice::first(&self.settings.known_voices, &response.language);
                response.voice = first.map(|voice| voice.name.clone()).unwrap_or_default();
            }
        }
    }

    fn voices_changed(&mut self, now: u64, message: Option<String>) {
        if let Some(id) = message {
            self.emit(CallEvent::Granted { id, request: "set-voice" });
        }
        if self.speculative.is_some() {
            self.discard();
            self.speculate_again(now);
        }
        self.prepare_phrases();
    }

    /// Tells the person, once a choice, that the call speaks another language than the voices they chose.
    pub(super) fn tell_of_other_voice(&mut self) {
        let language = self.voiced(&self.language);
        let chosen = &self.settings.chosen_voices;
        let speaks = language.is_empty() || chosen.contains_key(&language) || chosen.contains_key("");
        if speaks || self.other_voice_told {
            return;
        }
        let names: Vec<String> = chosen.iter().map(|(language, name)| of(name, language)).collect();
        let (names, spoken) = (names.join(", "), language_name(&language).unwrap_or(&language));
        if names.is_empty() {
            return;
        }
        let used = match self.voice_used(&language) {
            voice if voice.is_empty() => "the first voice of that language".to_owned(),
            voice => voice,
        };
        self.other_voice_told = true;
        self.notice("other-voice", &format!("You chose {names}; {spoken} is spoken by {used}."));
    }
}

/// A voice with its language, for people.
fn of(name: &str, language: &str) -> String {
    format!("{name} for {}", language_name(language).unwrap_or(language))
}
