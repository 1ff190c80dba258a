/**
 * What the person orders during a call: what is said in writing, in which language and with which voice the agent speaks.
 */
import { TEXT_LIMIT, encodeClientMessage, encodeMessage } from './protocol.js';
import { Refusal } from './requests.js';

export class Orders {
    /** @param {import('./session.js').CallSession} session */
    constructor(session) {
        this.session = session;
        /** The voice that the server was told of in this call; empty: none. */
        this.voiceTold = '';
    }

    /**
     * Sends typed words, as if they had been spoken.
     *
     * @param {string} text
     */
    say(text) {
        const { session } = this;
        const content = text.trim();
        if (content === '' || content.length > TEXT_LIMIT) {
            throw new Error(`text: 1 to ${TEXT_LIMIT} characters, not ${content.length}.`);
        }
        if (!session.live) {
            throw new Error('No call is up: start() first.');
        }
        session.dialogue.typed(content);
        session.send(encodeMessage('send-text', { content }));
    }

    /** Stops the agent's response. */
    interrupt() {
        if (this.session.live) {
            this.session.send(encodeClientMessage('interrupt'));
        }
    }

    /** @param {string} language - empty: identified */
    setLanguage(language) {
        const { session } = this;
        session.options.language = language; // a call that replaces this one begins with it
        session.transcript.languageFixed = language !== '';
        session.send(encodeClientMessage('set-language', { language: language || null }));
    }

    /**
     * Chooses a voice for the language that it speaks, from the next response on.
     *
     * @param {string} voice - or a speaker or a mix of voices; empty: the first of each language
     * @returns {Promise<void>} resolves when the server has accepted it; without a call at once
     * @throws {Error} with words for people, and the available voices
     */
    async setVoice(voice) {
        if (this.session.live) {
            await this.tellVoice(voice);
        }
        this.session.options.voice = voice; // a call that replaces this one begins with it
    }

    /**
     * Tells another connection the chosen voice, unless its server knows it.
     *
     * @param {boolean} resumed - the call goes on over that connection
     */
    renewVoice(resumed) {
        this.voiceTold = resumed ? this.voiceTold : '';
        const { voice = '' } = this.session.options;
        if (voice !== this.voiceTold) {
            void this.tellVoice(voice).catch((error) => this.lacksVoice(voice, error));
        }
    }

    /** @param {string} voice */
    async tellVoice(voice) {
        try {
            await this.session.requests.ask('set-voice', { voice: voice || null });
        } catch (error) {
            throw error instanceof Refusal ? new Refusal(sentence(error.message)) : error;
        }
        this.voiceTold = voice;
    }

    /**
     * The call goes on with another voice.
     *
     * @param {string} voice
     * @param {unknown} error
     */
    lacksVoice(voice, error) {
        const { session } = this;
        // Without an answer the connection is at fault, and the next one tells it again.
        if (error instanceof Refusal && session.current !== null && session.options.voice === voice) {
            session.options.voice = '';
            session.emit('notice', { code: 'voice-unknown', message: `Another voice speaks: ${error.message}` });
        }
    }
}

/**
 * @param {string} fault - of a request, with the field at its beginning
 * @returns {string} for people
 */
function sentence(fault) {
    return fault.replace(/^set-voice: (d\.voice: )?/, '').replace(/^[a-z]/, (letter) => letter.toUpperCase());
}
