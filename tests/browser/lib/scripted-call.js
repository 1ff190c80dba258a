/**
 * One call of the page as a scripted server sees it: the messages of docs/protocol.md that the test sends and waits for, and sound.
 */
import { AUDIO_HEADER_BYTES } from '../../../static/protocol.js';
import { FRAME_MS, answerFrame } from './tones.js';

const PATIENCE_MS = 20000;

/**
 * A tone, in real time.
 *
 * @typedef {Object} Sounding
 * @property {(afterMs?: number) => Promise<void>} stop
 */

/** One call of the page, as the server sees it. */
export class ScriptedCall {
    /** @param {(text: string) => void} write - to the page */
    constructor(write) {
        this.write = write;
        /** @type {import('../../../static/protocol.js').Message[]} */
        this.received = [];
        /** @type {(() => void)[]} */
        this.waiting = [];
        this.ids = 0;
        /** Whether it is active: a hung server neither receives nor answers anything. */
        this.awake = true;
        /** RMS of the page's last audio frame, 0 to 1. */
        this.level = 0;
        /** @type {(frame: ArrayBuffer) => void} */
        this.writeAudio = () => {};
        /** @type {string[]} Names of the voices that `set-voice` may choose. */
        this.voices = [];
        /** The server's id of the call. */
        this.id = 'scripted';
        /** It goes on with an earlier one, by its resume token. */
        this.resumed = false;
        /** Called after the hello to the page. */
        this.onHello = () => {};
    }

    /** @param {string} text - from the page */
    receive(text) {
        if (!text.startsWith('{')) {
            return; // a keep-alive
        }
        const message = JSON.parse(text);
        if (!this.awake) {
            return;
        }
        if (message.type === 'client-message' && message.data.t === 'ping') {
            this.answerPing(message.id);
            return;
        }
        this.received.push(message);
        if (message.type === 'client-message' && message.data.t === 'set-voice') {
            this.chooseVoice(message.id, message.data.d.voice);
        }
        if (message.type === 'client-ready') {
            const more = this.resumed ? { resumed: true } : {};
            this.send('bot-ready', { version: '2.1.0', about: { library: 'scripted' }, call: this.id, ...more });
            this.state('listening');
            this.onHello();
        }
        this.waiting.splice(0).forEach((wake) => wake());
    }

    /** @param {string} id */
    answerPing(id) {
        this.answer('server-response', id, { t: 'ping', d: {} });
    }

    /**
     * @param {string} id
     * @param {string | null} voice
     */
    chooseVoice(id, voice) {
        if (voice === null || this.voices.includes(voice)) {
            this.answer('server-response', id, { t: 'set-voice', d: {} });
        } else {
            this.answer('error-response', id, { error: `set-voice: d.voice: there is no voice "${voice}"; there are ${this.voices.join(', ')}` });
        }
    }

    /**
     * @param {string} type
     * @param {string} id - of the page's message
     * @param {object} data
     */
    answer(type, id, data) {
        this.write(JSON.stringify({ label: 'rtvi-ai', type, id, data }));
    }

    /** @param {Buffer} frame - from the page */
    receiveAudio(frame) {
        let sum = 0;
        for (let at = AUDIO_HEADER_BYTES; at < frame.length; at += 2) {
            sum += (frame.readInt16LE(at) / 32768) ** 2;
        }
        this.level = Math.sqrt(sum / ((frame.length - AUDIO_HEADER_BYTES) / 2));
        this.waiting.splice(0).forEach((wake) => wake());
    }

    /**
     * Waits until something from the page makes `done` true.
     *
     * @param {() => boolean} done
     */
    async until(done) {
        const late = setTimeout(() => this.waiting.splice(0).forEach((wake) => wake()), PATIENCE_MS);
        const deadline = performance.now() + PATIENCE_MS;
        while (!done()) {
            if (performance.now() >= deadline) {
                throw new Error(`The page sent only ${JSON.stringify(this.received)}`);
            }
            await /** @type {Promise<void>} */ (new Promise((resolve) => this.waiting.push(resolve)));
        }
        clearTimeout(late);
    }

    /**
     * The page's `client-message`s of one kind.
     *
     * @param {string} topic
     * @returns {any[]}
     */
    told(topic) {
        return this.received.filter(({ type, data }) => type === 'client-message' && data.t === topic).map(({ data }) => data.d);
    }

    /**
     * @param {string} type
     * @param {object} data
     */
    send(type, data) {
        this.ids += 1;
        this.write(JSON.stringify({ label: 'rtvi-ai', type, id: `s${this.ids}`, data }));
    }

    /** @param {object} data */
    server(data) {
        this.send('server-message', data);
    }

    /** @param {'listening' | 'thinking' | 'speaking'} state */
    state(state) {
        this.server({ type: 'state', state });
    }

    /**
     * @param {string} text
     * @param {object} [more]
     */
    hear(text, more = {}) {
        this.send('user-transcription', { text, final: true, timestamp: '2026-01-01T00:00:00Z', user_id: 'user', language: 'en', ...more });
    }

    /**
     * A whole turn without its sound.
     *
     * @param {number} response
     * @param {{question: string, answer: string, marks: object, more?: object, spoken?: object, engines?: object}} turn - `more` of the
     *     question, `spoken` of the answer, `engines` that served it
     */
    turn(response, { question, answer, marks, more = {}, spoken = {}, engines = undefined }) {
        this.hear(question, more);
        this.send('bot-llm-started', { response });
        this.send('bot-started-speaking', { response });
        this.send('bot-output', { text: answer, spoken: true, aggregated_by: 'sentence', response, ...spoken });
        this.send('bot-stopped-speaking', { response });
        if ('interrupted' in marks && marks.interrupted !== null) {
            this.send('bot-interrupted', { response, heard: answer });
        }
        this.server({ type: 'turn', response, marks, engines });
        this.state('listening');
    }

    /**
     * Begins a response that sounds as a tone.
     *
     * @param {number} response
     * @returns {Sounding}
     */
    sound(response) {
        this.state('speaking');
        this.send('bot-started-speaking', { response });
        this.send('bot-output', { text: 'Aah.', spoken: true, aggregated_by: 'sentence', response });
        return this.tone(response);
    }

    /**
     * Sounds without the words of a response, like a filler.
     *
     * @param {number} response
     * @returns {Sounding}
     */
    tone(response) {
        const began = performance.now();
        let sent = 0;
        const timer = setInterval(() => {
            for (; sent * FRAME_MS <= performance.now() - began; sent++) {
                this.writeAudio(answerFrame(sent, response));
            }
        }, FRAME_MS / 2);
        timer.unref(); // a test that fails does not stop it
        return {
            stop: async (afterMs = 0) => {
                await new Promise((resolve) => setTimeout(resolve, afterMs));
                clearInterval(timer);
            },
        };
    }
}
