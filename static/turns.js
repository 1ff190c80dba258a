/**
 * Where the time of each turn went, built from the server's messages and what the page itself heard. Pure.
 */

/** Turns that are kept; older ones are forgotten. */
const KEPT = 10;

/** A turn that took longer than this gets a reason. */
export const SLOW_MS = 1500;

/**
 * Every stage ends with its mark and begins with the latest mark of the first group that has one.
 *
 * @typedef {'pause' | 'transcript' | 'turn_decided' | 'first_token' | 'first_segment' | 'first_audio' | 'first_sent' | 'heard'} StageName
 * @type {readonly {name: StageName, label: string, after: readonly (readonly string[])[]}[]}
 */
const STAGES = [
    { name: 'pause', label: 'Pause noticed', after: [] },
    { name: 'transcript', label: 'Transcript', after: [['pause'], ['turn_decided']] },
    { name: 'turn_decided', label: 'Turn decided', after: [['pause']] },
    { name: 'first_token', label: 'First word', after: [['speculated'], ['transcript', 'turn_decided']] },
    { name: 'first_segment', label: 'First segment', after: [['first_token']] },
    { name: 'first_audio', label: 'First voice', after: [['first_segment'], ['first_token']] },
    { name: 'first_sent', label: 'Sent', after: [['first_audio', 'first_segment', 'first_token', 'transcript', 'turn_decided']] },
    { name: 'heard', label: 'Heard by you', after: [['first_sent']] },
];

/** The stages that a speculative response may reach before the turn is decided. */
const SPECULATIVE = ['first_token', 'first_segment', 'first_audio'];

/**
 * The times in a turn's message: milliseconds after the last spoken sample, and possibly a reason.
 *
 * @typedef {Record<string, number | string | null>} Marks
 */

/**
 * The engines that served a turn, if the server has a choice, with the reasons, for each of `stt`, `llm` and `tts`.
 *
 * @typedef {Record<string, {engine: string, reason: string}>} Engines
 */

/** The names of engine kinds for people. */
const ENGINES = { stt: 'recogniser', llm: 'language model', tts: 'voice' };

/** Why a request was not routed as planned. */
const DETOURS = {
    unhealthy: 'another one was not ready',
    'breaker-open': 'another one failed lately',
    late: 'another one was late',
    failed: 'another one failed',
    refused: 'another one refused',
    'last-resort': 'none was fit',
};

/**
 * @typedef {Object} Stage
 * @property {StageName} name
 * @property {string} label - for people
 * @property {number} start - ms after the last spoken sample
 * @property {number} end
 * @property {boolean} speculative - begun before the turn was decided
 */

/**
 * One turn, from the person's last sound to the response's first.
 *
 * @typedef {Object} Turn
 * @property {number} response - the response's id
 * @property {string} question - empty when the page does not know it
 * @property {boolean} typed - the question was written: times count from its arrival
 * @property {Marks} marks - as the server reported them
 * @property {number | null} heard - when the page heard the response begin; null when unknown
 * @property {number | null} total - until it was heard, or else until it was sent; null when it never was
 * @property {number | null} spoken - how long the response sounded
 * @property {boolean} interrupted
 * @property {string} reason - why it took long; empty when it did not
 * @property {Stage[]} stages - in the order in which they ended
 * @property {Engines} engines - empty when the server has no choice of engines
 */

/**
 * @param {Marks} marks
 * @param {string} name
 * @returns {number | null}
 */
function time(marks, name) {
    const value = marks[name];
    return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/**
 * @param {Marks} marks
 * @param {readonly (readonly string[])[]} groups
 * @param {number} end
 * @returns {number}
 */
function startOf(marks, groups, end) {
    for (const group of groups) {
        const known = group.map((name) => time(marks, name)).filter((at) => at !== null);
        if (known.length > 0) {
            const before = known.filter((at) => at <= end);
            return before.length > 0 ? Math.max(...before) : end;
        }
    }
    return 0;
}

/**
 * @param {Marks} marks
 * @param {number | null} heard
 * @returns {Stage[]}
 */
export function stagesOf(marks, heard) {
    const all = { ...marks, heard };
    const decided = time(all, 'turn_decided') ?? Infinity;
    const speculated = time(all, 'speculated') !== null;
    const stages = [];
    for (const { name, label, after } of STAGES) {
        const end = time(all, name);
        if (end !== null && end > 0) { // typed words are there at once
            const start = startOf(all, after, end);
            stages.push({ name, label, start, end, speculative: speculated && SPECULATIVE.includes(name) && start < decided });
        }
    }
    return stages.sort((a, b) => a.end - b.end);
}

/**
 * @param {Marks} marks
 * @param {Stage[]} stages
 * @param {number | null} total
 * @returns {string}
 */
function reasonOf(marks, stages, total) {
    if (total === null || total <= SLOW_MS) {
        return '';
    }
    if (typeof marks.reason === 'string' && marks.reason !== '') {
        return marks.reason;
    }
    const length = (/** @type {Stage} */ { start, end }) => end - start;
    const longest = stages.reduce((a, b) => (length(b) > length(a) ? b : a));
    return `Longest: ${longest.label.toLowerCase()}, ${length(longest)} ms.`;
}

/** The last turns of one call. */
export class Turns {
    constructor() {
        /** @type {Turn[]} Oldest first. */
        this.list = [];
        /** @type {{text: string, typed: boolean} | null} The question that waits for a response. */
        this.asked = null;
        /** @type {Map<number, {text: string, typed: boolean}>} The question of each response, until its turn is reported. */
        this.questions = new Map();
        /** @type {Map<number, number>} First sounds of responses whose turn is not reported yet. */
        this.early = new Map();
        /** @type {Engines} Of each kind the engine that served last; empty when the server has no choice of engines. */
        this.served = {};
    }

    /**
     * Applies a message of the server.
     *
     * @param {import('./protocol.js').Message} message
     * @returns {Turn | null} the turn that was added
     */
    apply({ type, data }) {
        const response = Number(data.response);
        if (type === 'user-transcription') {
            const text = String(data.text ?? '').trim();
            if (data.final === true && text !== '' && this.asked?.text !== text) {
                this.asked = { text, typed: false };
            }
        } else if (type === 'bot-llm-started') {
            this.bind(response);
        } else if (type === 'bot-started-speaking') {
            this.bind(response);
            this.asked = null; // answered; what comes unasked has no question
        } else if (type === 'server-message' && data.type === 'turn') {
            const marks = { ...data.marks, ...(data.reason === undefined ? {} : { reason: data.reason }) };
            return this.told(response, marks, data.engines ?? {});
        }
        return null;
    }

    /** @param {string} text */
    typed(text) {
        this.asked = { text, typed: true };
    }

    /**
     * The page heard a response begin.
     *
     * @param {number} response
     * @param {number} ms - after the last spoken sample
     * @returns {Turn | null} the turn that changed
     */
    heard(response, ms) {
        const at = this.list.findIndex((turn) => turn.response === response);
        if (at < 0) {
            this.early.set(response, ms);
            return null;
        }
        const { marks, question, typed, engines } = this.list[at];
        this.list[at] = { ...turnOf(response, { text: question, typed }, marks, ms), engines };
        return this.list[at];
    }

    /**
     * Whether a response in progress answers a spoken question.
     *
     * @param {number} response
     * @returns {boolean}
     */
    answersSpeech(response) {
        return this.questions.get(response)?.typed === false;
    }

    /** @param {number} response */
    bind(response) {
        if (this.asked !== null && !this.questions.has(response)) {
            this.questions.set(response, this.asked);
        }
    }

    /**
     * @param {number} response
     * @param {Marks} marks
     * @param {Engines} engines
     * @returns {Turn | null} null when nothing was asked, as with a greeting
     */
    told(response, marks, engines) {
        this.served = { ...this.served, ...engines };
        const question = this.questions.get(response) ?? { text: '', typed: false };
        const heard = this.early.get(response) ?? null;
        this.questions.delete(response);
        this.early.delete(response);
        if (time(marks, 'transcript') === null && time(marks, 'turn_decided') === null && heard === null) {
            return null;
        }
        const turn = { ...turnOf(response, question, marks, heard), engines };
        this.list = [...this.list.filter((other) => other.response !== response), turn].slice(-KEPT);
        return turn;
    }
}

/**
 * @param {number} response
 * @param {{text: string, typed: boolean}} question
 * @param {Marks} marks
 * @param {number | null} heard
 * @returns {Turn}
 */
function turnOf(response, { text, typed }, marks, heard) {
    const stages = stagesOf(marks, heard);
    const sent = time(marks, 'first_sent');
    const total = heard ?? sent;
    const interrupted = time(marks, 'interrupted');
    const over = interrupted ?? time(marks, 'done');
    return {
        response,
        question: text,
        typed,
        marks,
        heard,
        total,
        spoken: sent === null || over === null ? null : Math.max(0, over - sent),
        interrupted: interrupted !== null,
        reason: reasonOf(marks, stages, total),
        stages,
        engines: {},
    };
}

/**
 * The engines that served a turn, as a sentence.
 *
 * @param {Turn} turn
 * @returns {string} empty when the server has no choice of engines
 */
export function servedBy({ engines }) {
    const served = Object.entries(ENGINES).filter(([kind]) => engines[kind] !== undefined).map(([kind, name]) => {
        const { engine, reason } = engines[kind];
        const detour = /** @type {Record<string, string>} */ (DETOURS)[reason];
        return `${name} ${engine}${detour === undefined ? '' : ` (${detour})`}`;
    });
    return served.length === 0 ? '' : `Served by ${served.join(', ')}.`;
}
