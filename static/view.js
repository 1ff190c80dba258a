/**
 * The stage: what the page shows of a call's state, apart from the captions.
 */
import { element, setText } from './dom.js';
import { languageName } from './languages.js';
import { Needle, loudness } from './levels.js';
import { Orb } from './orb.js';
import { REDIAL_TEXT, WAIT_TEXT, loadingText } from './problems.js';

/** @type {Record<import('./session.js').State, {text: string, hint: string}>} */
const STATES = {
    idle: { text: 'Ready when you are', hint: 'Speak, and hear a real answer.' },
    connecting: { text: 'Connecting', hint: 'Allow the microphone if your browser asks.' },
    listening: { text: 'Listening', hint: 'Speak, or type below.' },
    thinking: { text: 'Thinking', hint: 'The answer is on its way.' },
    speaking: { text: 'Speaking', hint: '' },
    reconnecting: { text: 'Reconnecting', hint: '' },
    ended: { text: 'Call ended', hint: '' },
};

/** While a page that was loaded anew goes on with its call. */
const TAKING_UP = { text: 'Reconnecting', hint: 'Your call goes on in a moment.' };

/** A tool that takes this long is worth a note; a quicker one would only flash by. */
const TOOL_NOTE_AFTER_MS = 300;
/** Notices of connections that a test of the network explains. */
const NETWORK_NOTICES = ['fallback'];
/** A head that loads faster needs no progress bar. */
const PROGRESS_AFTER_MS = 600;

/** What a person sees of the call. */
export class View {
    /** @param {import('./audio.js').AudioGraph} graph */
    constructor(graph) {
        this.stateText = element('state-text', HTMLElement);
        this.hint = element('hint', HTMLElement);
        this.notice = element('notice', HTMLElement);
        this.noticeNetwork = element('notice-network', HTMLElement);
        this.toolNote = element('tool-note', HTMLElement);
        /** @type {ReturnType<typeof setTimeout> | undefined} */
        this.toolTimer = undefined;
        this.noticeCode = '';
        this.stage = element('stage', HTMLElement);
        this.start = element('start', HTMLButtonElement);
        this.before = element('before', HTMLElement);
        this.controls = element('controls', HTMLElement);
        this.startText = element('start-text', HTMLElement);
        this.clock = element('clock', HTMLElement);
        this.transport = element('transport', HTMLElement);
        this.language = element('spoken-language', HTMLElement);
        this.mute = element('mute', HTMLButtonElement);
        this.muteText = element('mute-text', HTMLElement);
        this.interrupt = element('interrupt', HTMLButtonElement);
        this.hangUpText = element('hang-up-text', HTMLElement);
        this.problem = element('problem', HTMLElement);
        this.unblock = element('unblock', HTMLButtonElement);
        this.redial = element('redial', HTMLElement);
        this.redialNetwork = element('redial-network', HTMLElement);
        this.countdown = element('countdown', HTMLElement);
        /** The server gives no sign of life, and may not be listening. */
        this.silent = false;
        /** The page waits in line. */
        this.queued = false;
        /** The page goes on with a call that it had before it was loaded. */
        this.takingUp = false;
        /** When the page tries again, as performance.now() counts. */
        this.redialAt = 0;
        this.micLevel = element('mic-level', HTMLElement);
        this.answerLevel = element('answer-level', HTMLElement);
        this.progress = element('face-progress', HTMLProgressElement);
        /** @type {ReturnType<typeof setTimeout> | undefined} */
        this.progressTimer = undefined;
        this.graph = graph;
        this.touch = matchMedia('(pointer: coarse)');
        this.micNeedle = new Needle();
        this.answerNeedle = new Needle();
        this.since = 0;
        const loud = () => ({ mic: loudness(graph.levels.mic), answer: loudness(graph.levels.answer) });
        this.orb = new Orb(element('orb', HTMLCanvasElement), loud);
        setInterval(() => this.tick(), 50);
    }

    /**
     * @param {import('./session.js').State} state
     * @param {{microphone: boolean, muted: boolean, takesUp?: boolean}} input - `takesUp`: the call is one of an earlier page
     */
    showState(state, { microphone, muted, takesUp = false }) {
        const focused = document.activeElement;
        const live = state === 'listening' || state === 'thinking' || state === 'speaking';
        const holds = live || state === 'reconnecting';
        const active = holds || state === 'connecting';
        const shown = live && this.silent ? 'reconnecting' : state;
        this.takingUp = takesUp && state === 'connecting';
        this.queued = this.queued && state === 'connecting';
        document.body.dataset.state = shown;
        document.body.classList.toggle('live', holds);
        document.title = state === 'idle' ? 'Visavis' : `${STATES[shown].text} · Visavis`;
        this.orb.state = shown;
        this.orb.muted = muted || !microphone;
        if (!this.queued) { // else by showQueue()
            setText(this.stateText, this.takingUp ? TAKING_UP.text : STATES[shown].text);
        }
        if (state !== 'reconnecting' && !this.queued) { // else by showRedial()
            setText(this.hint, this.hintFor(state, microphone, muted));
        }
        this.redial.hidden = state !== 'reconnecting' && !this.queued;
        this.before.hidden = active;
        this.controls.hidden = !active;
        this.startText.textContent = state === 'ended' ? 'Call again' : 'Start call';
        this.hangUpText.textContent = holds ? 'Hang up' : 'Cancel';
        this.mute.disabled = !holds;
        this.interrupt.disabled = state !== 'speaking' && state !== 'thinking';
        this.showMute(microphone, muted);
        if (active) {
            this.problem.hidden = true;
            document.body.classList.remove('problem-shown');
        }
        this.keepFocus(focused);
        if (live && this.since === 0) {
            this.since = Date.now();
        } else if (!holds) {
            this.since = 0;
            this.clock.hidden = true;
            this.transport.hidden = true;
            this.unblock.hidden = true;
        }
    }

    /**
     * Moves the keyboard's focus on when the button that had it is gone: to the call, or to what starts the next one.
     *
     * @param {Element | null} focused - the element that had it
     */
    keepFocus(focused) {
        const cannot = document.body.dataset.state === 'reconnecting' ? '[hidden], :disabled' : '[hidden]';
        if (focused instanceof HTMLElement && this.stage.contains(focused) && focused.closest(cannot) !== null) {
            (this.before.hidden ? this.stage : this.start).focus();
        }
    }

    /**
     * @param {import('./session.js').State} state
     * @param {boolean} microphone
     * @param {boolean} muted
     * @returns {string}
     */
    hintFor(state, microphone, muted) {
        if (this.silent) {
            return '';
        }
        if (this.takingUp) {
            return TAKING_UP.hint;
        }
        if (state === 'listening' && !microphone) {
            return 'Type below, and hear the answer.';
        }
        if (state === 'listening' && muted) {
            return `You are muted. ${this.touch.matches ? 'Tap Unmute' : 'Press M'} to speak.`;
        }
        if (state === 'speaking') {
            const way = this.touch.matches ? 'tap Interrupt' : 'press Esc';
            return !microphone || muted ? `To interrupt, ${way}.` : `Speak to interrupt, or ${way}.`;
        }
        return STATES[state].hint;
    }

    /**
     * @param {boolean} microphone
     * @param {boolean} muted
     */
    showMute(microphone, muted) {
        const off = muted || !microphone;
        document.getElementById('mute-icon')?.setAttribute('href', off ? '#i-mic-off' : '#i-mic');
        this.mute.setAttribute('aria-pressed', String(microphone && muted));
        this.muteText.textContent = microphone ? (muted ? 'Unmute' : 'Mute') : 'Use mic';
    }

    /** @param {'webrtc' | 'websocket'} transport */
    showTransport(transport) {
        this.transport.textContent = transport === 'webrtc' ? 'WebRTC' : 'WebSocket';
        this.transport.hidden = false;
    }

    /** @param {string} code - ISO 639-1, as identified; empty: unknown, or chosen by the person */
    showLanguage(code) {
        if (this.language.dataset.code !== code) {
            this.language.dataset.code = code; // what a narrow page shows instead of the name
            this.language.lang = code;
            setText(this.language, code === '' ? '' : languageName(code));
        }
    }

    /**
     * @param {string} name - of the tool
     * @param {boolean} running
     */
    showTool(name, running) {
        const text = running ? `Using ${name.replace(/[_-]+/g, ' ')}…` : '';
        clearTimeout(this.toolTimer);
        this.toolTimer = setTimeout(() => setText(this.toolNote, text), running ? TOOL_NOTE_AFTER_MS : 0);
    }

    /** @param {import('./connect.js').Loading} loading */
    showLoading(loading) {
        const { title, text } = loadingText(loading);
        setText(this.stateText, title);
        setText(this.hint, text);
    }

    /**
     * Everything is loaded: the call proceeds.
     *
     * @param {import('./session.js').State} state
     */
    showLoaded(state) {
        const { text, hint } = this.takingUp ? TAKING_UP : STATES[state];
        setText(this.stateText, text);
        setText(this.hint, hint);
    }

    /** @param {import('./connect.js').Queue} queue */
    showQueue({ trying, pauseMs, cause }) {
        const { title, text } = WAIT_TEXT[cause];
        this.queued = true;
        this.redialAt = trying ? 0 : performance.now() + pauseMs;
        this.redial.hidden = false;
        this.redialNetwork.hidden = true; // the server answers
        setText(this.stateText, title);
        setText(this.hint, text);
        this.tick();
    }

    /** @param {import('./reconnect.js').Step & {cause: string}} step */
    showRedial({ trying, pauseMs, cause, waitsFor }) {
        const wait = WAIT_TEXT[waitsFor];
        this.redialAt = trying ? 0 : performance.now() + pauseMs;
        this.redialNetwork.hidden = wait !== undefined; // the server answers
        setText(this.stateText, STATES.reconnecting.text);
        setText(this.hint, wait === undefined ? `${REDIAL_TEXT[cause]} The page calls again by itself.` : `${wait.title}. ${wait.text}`);
        this.tick();
    }

    /** Restarts the call's clock. */
    restartClock() {
        this.since = Date.now();
    }

    /** @param {number | null} share - of the head that is loading; null: none */
    showFaceProgress(share) {
        if (share === null) {
            clearTimeout(this.progressTimer);
            this.progressTimer = undefined;
            this.progress.hidden = true;
            return;
        }
        this.progress.value = share;
        this.progressTimer ??= setTimeout(() => (this.progress.hidden = false), PROGRESS_AFTER_MS);
    }

    /**
     * @param {string} text
     * @param {string} [code] - the kind of notice, which `clearNotice` may name
     */
    showNotice(text, code = '') {
        this.noticeCode = code;
        this.noticeNetwork.hidden = !NETWORK_NOTICES.includes(code);
        setText(this.notice, text);
    }

    /** @param {readonly string[]} [codes] - only notices of these kinds; by default any */
    clearNotice(codes) {
        if (codes === undefined || codes.includes(this.noticeCode)) {
            this.showNotice('');
        }
    }

    /**
     * @param {import('./problems.js').Advice} advice
     * @param {{settings: boolean, network: boolean}} help - whether the settings, or a test of the network, may help
     */
    showProblem(advice, help) {
        element('problem-title', HTMLElement).textContent = advice.title;
        element('problem-text', HTMLElement).textContent = advice.text;
        element('problem-type', HTMLButtonElement).hidden = !advice.typing;
        element('problem-settings', HTMLButtonElement).hidden = !help.settings;
        element('problem-network', HTMLElement).hidden = !help.network;
        this.problem.hidden = false;
        document.body.classList.add('problem-shown');
        this.before.hidden = true;
        setText(this.stateText, 'Not connected');
        setText(this.hint, '');
        element('retry', HTMLButtonElement).focus();
    }

    /** @param {string} message */
    showEnd(message) {
        setText(this.hint, message);
    }

    tick() {
        const { levels } = this.graph;
        setLevel(this.micLevel, this.micNeedle.follow(loudness(levels.mic), 50));
        setLevel(this.answerLevel, this.answerNeedle.follow(loudness(levels.answer), 50));
        if (this.since > 0) {
            const seconds = Math.floor((Date.now() - this.since) / 1000);
            setText(this.clock, `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`);
            this.clock.hidden = false;
            this.unblock.hidden = !this.graph.blocked;
        }
        if (!this.redial.hidden) {
            const seconds = Math.ceil((this.redialAt - performance.now()) / 1000);
            setText(this.countdown, seconds > 0 ? `Next try in ${seconds} s` : 'Trying…');
        }
    }
}

/**
 * @param {HTMLElement} target
 * @param {number} level
 */
function setLevel(target, level) {
    target.style.transform = `scaleX(${level.toFixed(2)})`;
}
