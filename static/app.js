/**
 * The page /call: wires buttons and keys to the call, and the call's events to what is shown.
 */
import { createApi } from './api.js';
import { AudioGraph } from './audio.js';
import { Avatar } from './avatar.js';
import { createAvatarApi } from './avatar/api.js';
import { FaceSettings } from './avatar/settings.js';
import { Captions } from './captions.js';
import { Comeback } from './comeback.js';
import { element } from './dom.js';
import { CallProblem, RESUMED_TEXT, TROUBLE_TEXT, adviceFor } from './problems.js';
import { CallSession } from './session.js';
import { parseBackend } from './signalling.js';
import { SettingsDialog } from './settings-dialog.js';
import { loadSettings, saveSettings, settingsFromAddress } from './settings.js';
import { View } from './view.js';
import { VoiceChoice } from './voice-choice.js';
import { WaterfallPanel } from './waterfall.js';

const SETTINGS_PROBLEMS = ['server-unreachable', 'connection-failed', 'backend-invalid', 'microphone-busy'];
const NETWORK_PROBLEMS = ['server-unreachable', 'connection-failed', 'connection-lost'];
/** Notices that a response is late or missing: cleared when one sounds, or when the person speaks again. */
const CLEARED_BY_RESPONSE = ['one-moment', 'microphone-stutters'];
const CLEARED_BY_TURN = ['one-moment', 'no-response', 'response-failed', 'not-understood', 'other-voice', 'resumed'];
const INTERACTIVE = 'button, a, input, textarea, select, dialog, summary, [contenteditable]';

const graph = new AudioGraph();
const session = new CallSession(graph);
const view = new View(graph);
const captions = new Captions(
    element('captions', HTMLOListElement),
    element('scroll', HTMLElement),
    element('announcer', HTMLElement),
    element('empty', HTMLElement),
);
const stored = loadSettings();
const { autostart, ...asked } = settingsFromAddress(location.search);
const settings = { ...stored, ...asked };
const message = element('message', HTMLTextAreaElement);
const avatar = new Avatar(element('portrait', HTMLElement), session, settings);
const voices = new VoiceChoice(session, settings, () => {
    stored.voice = settings.voice;
    saveSettings(stored);
});
const visavis = createApi(session, graph, () => settings, createAvatarApi(avatar), voices);
const comeback = new Comeback(session, graph, start, settings);

const dialog = new SettingsDialog(settings, (name) => {
    // Settings from the address are not stored; the person's changes are.
    Object.assign(stored, { [name]: settings[name] });
    saveSettings(stored);
    if (name === 'backend') {
        void voices.open(); // it has others
        leadToNetworkTest();
    } else if (name === 'language') {
        session.orders.setLanguage(settings.language);
        view.showLanguage(session.transcript.language);
    } else if (name === 'microphone' && session.input.stream !== null) {
        session.input.open(settings.microphone).catch(showMicrophoneProblem);
    }
});

const faceSettings = new FaceSettings(settings, (name) => {
    Object.assign(stored, { [name]: settings[name] });
    if (name === 'person') {
        avatar.choose(settings.person);
    } else if (name === 'face') {
        avatar.setQuality(settings.face);
    }
    saveSettings(stored);
});

/** The page that tests the network, of the server that calls go to. It opens beside this one, so that the call stays. */
function leadToNetworkTest() {
    const query = settings.backend === '' ? '' : `?${new URLSearchParams({ backend: settings.backend })}`;
    for (const link of document.querySelectorAll('[data-network-test]')) {
        link.setAttribute('href', `call/network${query}`);
    }
}

function openSettings() {
    void dialog.open();
    void voices.open();
}

/** Shows the people to choose from, and the current one. */
function showPeople() {
    faceSettings.fill(avatar.people.list, avatar.person);
}

const timings = new WaterfallPanel(settings.timings, (open) => {
    stored.timings = open;
    saveSettings(stored);
});

/** @param {import('./session.js').StartOptions} [options] */
function start(options) {
    if (session.current === null) {
        visavis.start(options).catch(() => {}); // shown by the `problem` event
    }
}

function typeInstead() {
    start({ microphone: false });
    message.focus();
}

/** @param {string} text */
async function say(text) {
    if (text === '' || session.state === 'connecting' || session.state === 'reconnecting') {
        return; // the words stay where they are
    }
    message.value = '';
    message.focus();
    try {
        await visavis.say(text);
    } catch {
        message.value = text; // shown by the `problem` event; the words are not lost
    }
}

function toggleMute() {
    if (!session.holds) {
        return;
    }
    if (session.input.stream === null) {
        session.input.open(settings.microphone).catch(showMicrophoneProblem);
    } else {
        session.input.setMuted(!session.input.muted);
    }
}

/** @param {unknown} error */
function showMicrophoneProblem(error) {
    if (error instanceof CallProblem && !session.input.stream && session.holds) {
        const advice = adviceFor(error, '');
        view.showNotice(`${advice.title}. ${advice.text}`);
    }
}

function showState() {
    const { input, options } = session;
    view.showState(session.state, { microphone: input.stream !== null, muted: input.muted, takesUp: options.resume !== undefined });
}

/**
 * @template T
 * @param {string} type
 * @param {(detail: T) => void} handle
 */
function on(type, handle) {
    session.addEventListener(type, (event) => handle(/** @type {CustomEvent<T>} */ (event).detail));
}

on('state', (/** @type {{state: string}} */ { state }) => {
    if (state === 'connecting') {
        captions.clear();
        timings.clear();
    }
    if (state === 'connecting' || state === 'ended') {
        view.showLanguage('');
    }
    if (['connecting', 'reconnecting', 'ended'].includes(state)) {
        view.silent = false;
        view.clearNotice();
        view.showTool('', false);
    }
    showState();
});
on('muted', showState);
on('microphone', () => {
    if (session.holds) {
        showState();
    }
    void dialog.listMicrophones(); // permission brings the names
});
on('transcript', (/** @type {import('./transcript.js').Entry} */ entry) => captions.show(entry));
on('transport', (/** @type {{transport: 'webrtc' | 'websocket'}} */ { transport }) => view.showTransport(transport));
on('loading', (/** @type {import('./connect.js').Loading} */ loading) => {
    if (loading.ready) {
        view.showLoaded(session.state);
    } else {
        view.showLoading(loading);
    }
});
on('notice', (/** @type {{code: string, message: string}} */ { code, message: text }) => view.showNotice(text, code));
on('bot-started-speaking', () => view.clearNotice(CLEARED_BY_RESPONSE));
on('bot-output', () => view.clearNotice(['one-moment'])); // the response goes on after a filler
on('user-started-speaking', () => view.clearNotice(CLEARED_BY_TURN));
on('waterfall', () => timings.show(session.turns.list));
on('language', (/** @type {{language: string}} */ { language }) => view.showLanguage(language));
on('tool', (/** @type {{name: string, running: boolean}} */ { name, running }) => view.showTool(name, running));
on('reconnecting', (/** @type {{trouble: import('./line.js').Trouble}} */ { trouble }) => {
    view.silent = trouble === 'silent';
    if (trouble === '') {
        view.clearNotice(['trouble']);
    } else {
        view.showNotice(TROUBLE_TEXT[trouble], 'trouble');
    }
    showState();
});
on('queue', (/** @type {import('./connect.js').Queue} */ queue) => view.showQueue(queue));
on('resumed', () => {
    captions.settle(session.transcript.entries);
    view.showNotice(RESUMED_TEXT, 'resumed');
});
on('redial', (/** @type {import('./reconnect.js').Step & {cause: string}} */ step) => view.showRedial(step));
on('new-call', () => {
    captions.settle(session.transcript.entries);
    timings.clear();
    view.restartClock();
    view.showLanguage('');
});
on('problem', (/** @type {CallProblem} */ problem) => {
    const server = settings.backend || location.host;
    const help = { settings: SETTINGS_PROBLEMS.includes(problem.code), network: NETWORK_PROBLEMS.includes(problem.code) };
    view.showProblem(adviceFor(problem, server), help);
});
on('ended', (/** @type {{message: string}} */ { message: text }) => {
    captions.settle(session.transcript.entries);
    view.showEnd(text);
});

avatar.addEventListener('people', showPeople);
avatar.addEventListener('chosen', showPeople);
avatar.addEventListener('step', () => {
    stored.faceStep = settings.faceStep; // the next visit begins with what this device can draw
    saveSettings(stored);
});
avatar.addEventListener('notice', (event) => view.showNotice(/** @type {CustomEvent} */ (event).detail.message));
avatar.addEventListener('progress', (event) => view.showFaceProgress(/** @type {CustomEvent} */ (event).detail.share));

element('start', HTMLButtonElement).addEventListener('click', () => start());
element('retry', HTMLButtonElement).addEventListener('click', () => start(comeback.again()));
element('type-instead', HTMLButtonElement).addEventListener('click', typeInstead);
element('problem-type', HTMLButtonElement).addEventListener('click', typeInstead);
element('problem-settings', HTMLButtonElement).addEventListener('click', openSettings);
element('open-settings', HTMLButtonElement).addEventListener('click', openSettings);
element('settings', HTMLDialogElement).addEventListener('close', () => voices.close());
element('mute', HTMLButtonElement).addEventListener('click', toggleMute);
element('interrupt', HTMLButtonElement).addEventListener('click', () => session.orders.interrupt());
element('hang-up', HTMLButtonElement).addEventListener('click', () => session.hangUp());
element('try-now', HTMLButtonElement).addEventListener('click', () => session.tryNow());
element('unblock', HTMLButtonElement).addEventListener('click', () => graph.wake());
element('composer', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    void say(message.value.trim());
});
for (const idea of document.querySelectorAll('.idea')) {
    idea.addEventListener('click', () => say(idea.textContent ?? ''));
}
message.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        void say(message.value.trim());
    }
});

document.addEventListener('keydown', (event) => {
    const target = event.target instanceof Element ? event.target : document.body;
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || dialog.isOpen) {
        return;
    }
    if (event.key === 'Escape') {
        session.orders.interrupt();
        return;
    }
    const typing = target.closest('input, textarea, select, [contenteditable]') !== null;
    const onControl = target.closest(INTERACTIVE) !== null; // Space and Enter belong to it
    if (event.key.toLowerCase() === 't' && !typing) {
        event.preventDefault();
        timings.toggle();
    } else if ((event.key.toLowerCase() === 'm' && !typing) || (event.key === ' ' && !onControl)) {
        event.preventDefault();
        toggleMute();
    } else if (event.key === 'Enter' && !onControl) {
        event.preventDefault();
        start();
    }
});

window.addEventListener('online', () => session.tryNow());
document.addEventListener('visibilitychange', () => {
    if (!document.hidden) {
        graph.wake(); // a phone may have stopped the sound while the page was out of sight
    }
});
window.addEventListener('pagehide', () => session.abandon());
window.addEventListener('pageshow', ({ persisted }) => {
    if (persisted && session.current !== null) {
        location.reload(); // the browser kept the page, but not its connection
    }
});

/**
 * A link may name another server, but must not make this page send the microphone there unasked.
 *
 * @returns {boolean}
 */
function backendIsForeign() {
    try {
        return parseBackend(settings.backend).origin !== location.origin;
    } catch {
        return true;
    }
}

if (backendIsForeign()) {
    view.showNotice(`Calls from this page go to ${settings.backend}.`);
}
leadToNetworkTest();
showState();
void avatar.open();
Object.defineProperty(window, 'visavis', { value: visavis, enumerable: true });
if (!comeback.arrive() && autostart && !(asked.backend !== undefined && backendIsForeign())) {
    start();
}
