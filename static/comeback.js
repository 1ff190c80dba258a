/**
 * The way back into a call: of a page that was loaded anew, from a lost connection, and from another window.
 */
import { element } from './dom.js';
import { isAccident } from './redial.js';
import { OtherWindows } from './windows.js';

/** After such a gap the person may be gone: no microphone is sent unasked. */
const AWAY_MS = 120000;
/** How long the browser may take to let sound out by itself before the person is asked. */
const SOUND_MS = 1000;
/** How long a busy machine may take, on which the page still goes on by itself if nobody has touched it meanwhile. */
const LATE_SOUND_MS = 20000;

/**
 * What is known when the page has been loaded.
 *
 * @typedef {Object} Arrival
 * @property {number} now - as Date.now() counts
 * @property {boolean} reloaded - the person loads the page anew, and does not come from elsewhere
 * @property {boolean} microphone - the browser gives it without asking
 * @property {boolean} sound - the browser lets it out without a gesture
 */

/**
 * @param {import('./resume-tokens.js').Left} left
 * @param {Arrival} arrival
 * @returns {boolean} whether the page goes on with the call by itself; otherwise it asks
 */
export function goesOnByItself({ seenAt, spoken }, { now, reloaded, microphone, sound }) {
    return reloaded && sound && (microphone || !spoken) && Math.abs(now - seenAt) <= AWAY_MS;
}

/**
 * Words of an offer.
 *
 * @typedef {Object} Offer
 * @property {string} title
 * @property {string} text
 * @property {string} button
 */

/** @satisfies {Record<string, Offer>} */
const OFFERS = {
    left: { title: 'You were in a call', text: 'It can go on where it was.', button: 'Continue the call' },
    lost: { title: 'The connection was lost', text: 'Once the server can be reached again, the call may go on where it was.', button: 'Continue the call' },
    moved: { title: 'This call goes on in another window.', text: 'It can come back to this one.', button: 'Take it back' },
    alone: { title: 'This call cannot come back', text: 'The other window does not answer, so it may be closed. Start a new call here.', button: 'Try again' },
};

/** Offers the way back, and takes it by itself where the browser permits it. */
export class Comeback {
    /**
     * @param {import('./session.js').CallSession} session
     * @param {import('./audio.js').AudioGraph} graph
     * @param {(options?: import('./session.js').StartOptions) => void} start - does nothing while there is a call
     * @param {import('./settings.js').Settings} settings
     */
    constructor(session, graph, start, settings) {
        this.session = session;
        this.graph = graph;
        this.start = start;
        this.settings = settings;
        this.windows = new OtherWindows(() => (session.current === null ? null : session.resumption.tokens.newest));
        this.panel = element('comeback', HTMLElement);
        this.title = element('comeback-title', HTMLElement);
        this.text = element('comeback-text', HTMLElement);
        this.button = element('go-on', HTMLButtonElement);
        /** @type {() => void} What the button does. */
        this.goOn = () => {};
        this.button.addEventListener('click', () => this.goOn());
        element('begin-anew', HTMLButtonElement).addEventListener('click', () => start());
        session.addEventListener('state', (event) => {
            if (/** @type {CustomEvent} */ (event).detail.state === 'connecting') {
                this.panel.hidden = true;
            }
        });
        session.addEventListener('ended', (event) => this.ended(/** @type {CustomEvent} */ (event).detail.reason));
    }

    /**
     * The page has been loaded.
     *
     * @returns {boolean} whether it was left in a call, which goes on or is offered
     */
    arrive() {
        const left = this.session.resumption.tokens.left();
        if (left !== null) {
            void this.comeTo(left);
        }
        return left !== null;
    }

    /** @param {import('./resume-tokens.js').Left} left */
    async comeTo(left) {
        const touched = firstTouch();
        const [microphone, sound] = await Promise.all([microphoneIsGranted(), this.graph.soundsWithin(SOUND_MS)]);
        if (this.session.current !== null) {
            return; // the person was faster
        }
        const arrival = { now: Date.now(), reloaded: isReloaded(), microphone, sound };
        if (goesOnByItself(left, arrival)) {
            this.take(left);
            return;
        }
        this.offer(OFFERS.left, () => this.take(left));
        if (goesOnByItself(left, { ...arrival, sound: true }) && (await this.graph.soundsWithin(LATE_SOUND_MS))) {
            // Behind a gesture any browser lets sound out, and the person may want something else.
            if (!touched.aborted && this.session.current === null) {
                this.take(left);
            }
        }
    }

    /** @param {import('./resume-tokens.js').Left} left */
    take(left) {
        const { mode, microphone } = this.settings;
        if (left.muted !== this.session.input.muted) {
            this.session.input.setMuted(left.muted);
        }
        this.start({
            resume: { call: left.call, token: left.token, seconds: left.seconds },
            backend: left.backend,
            mode: mode === 'auto' && left.way === 'websocket' ? 'websocket' : mode,
            microphone: left.spoken ? microphone : false,
        });
    }

    /** @returns {import('./session.js').StartOptions | undefined} those of a try to go on that failed; undefined: it was none */
    again() {
        const { options, resumption } = this.session;
        const { newest } = resumption.tokens;
        return options.resume !== undefined && newest !== null ? { ...options, resume: newest } : undefined;
    }

    /** @param {string} reason - why the call has ended */
    ended(reason) {
        if (reason === 'moved') {
            const { options, resumption } = this.session;
            this.offer(OFFERS.moved, () => void this.takeBack(options, resumption.call));
        } else if (isAccident(reason)) {
            const left = this.session.resumption.tokens.left();
            if (left !== null) {
                this.offer(OFFERS.lost, () => this.take(left));
            }
        }
    }

    /**
     * @param {import('./session.js').StartOptions} options - of the call as it was here
     * @param {string} call
     */
    async takeBack(options, call) {
        this.button.disabled = true;
        const resume = await this.windows.ask(call);
        this.button.disabled = false;
        if (this.session.current !== null) {
            return; // another one has begun meanwhile
        }
        if (resume === null) {
            this.offer(OFFERS.alone, () => void this.takeBack(options, call));
        } else {
            this.start({ ...options, resume });
        }
    }

    /**
     * @param {Offer} offer
     * @param {() => void} goOn
     */
    offer({ title, text, button }, goOn) {
        this.title.textContent = title;
        this.text.textContent = text;
        this.button.textContent = button;
        this.goOn = goOn;
        this.panel.hidden = false;
        element('before', HTMLElement).hidden = true;
        document.body.classList.add('problem-shown');
        this.button.focus();
    }
}

/** @returns {AbortSignal} aborted when somebody touches the page */
function firstTouch() {
    const touched = new AbortController();
    for (const type of ['pointerdown', 'keydown']) {
        addEventListener(type, () => touched.abort(), { capture: true, once: true });
    }
    return touched.signal;
}

/** @returns {boolean} */
function isReloaded() {
    const [navigation] = performance.getEntriesByType('navigation');
    return navigation instanceof PerformanceNavigationTiming && navigation.type === 'reload';
}

/** @returns {Promise<boolean>} whether the microphone opens without a question */
async function microphoneIsGranted() {
    try {
        const { state } = await navigator.permissions.query({ name: /** @type {PermissionName} */ ('microphone') });
        return state === 'granted';
    } catch {
        return false; // the browser does not say
    }
}
