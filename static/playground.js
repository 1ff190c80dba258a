/**
 * The page /avatar/playground: form, face, player and plots wired together.
 */
import { hasGpu } from './avatar/gpu.js';
import { People } from './avatar/people.js';
import { Portrait } from './avatar/portrait.js';
import { Quality } from './avatar/quality.js';
import { SHAPES, emptyFace } from './avatar/shapes.js';
import { element } from './dom.js';
import { EXTRA } from './playground/clip.js';
import { Player } from './playground/player.js';
import { Axis, Plot } from './playground/plot.js';
import { Refused, requestClip } from './playground/request.js';

/** @typedef {import('./playground/clip.js').Clip} Clip */

const form = element('ask', HTMLFormElement);
const text = element('text', HTMLTextAreaElement);
const [voice, mood, who, look, fps] = ['voice', 'mood', 'person', 'look', 'fps'].map((id) => element(id, HTMLSelectElement));
const [expressions, all, recording, scrub] = ['expressions', 'all', 'recording', 'scrub'].map((id) => element(id, HTMLInputElement));
const [speak, cancel, play] = ['speak', 'cancel', 'play'].map((id) => element(id, HTMLButtonElement));
const place = element('face', HTMLElement);
const hover = element('hover', HTMLElement);
const progress = element('progress', HTMLElement);
const problem = element('problem', HTMLElement);
const FIELDS = /** @type {Record<string, HTMLElement>} */ ({ text, voice, language: voice, mood, fps, body: recording });

const NO_GPU = 'No graphics card for the 3D head here: the drawn face shows the same weights.';

const player = new Player();
const people = new People();
/** How much of the face this device draws, if the person leaves it to the page. */
const quality = new Quality();
const plot = new Plot(element('plot', HTMLCanvasElement));
const axis = new Axis(element('axis', HTMLCanvasElement));
const face = emptyFace();
/** @type {Clip | null} */
let clip = null;
/** @type {AbortController | null} */
let asking = null;
/** @type {boolean | null} Null: not asked yet. */
let gpu = null;
/** The moment that the plots show, and when the face was last drawn. */
let shown = -1;
let drawn = 0;

const portrait = new Portrait(place, {
    onProgress: (share) => {
        const bar = element('loading', HTMLProgressElement);
        bar.hidden = share === null;
        bar.value = share ?? 0;
    },
    onFailed: (why) => {
        quality.failed(performance.now());
        note(why === 'webgl' ? NO_GPU : 'The head could not be loaded: the drawn face shows the same weights.');
    },
    onMissing: (person, missing) => note(`${person.name} lacks ${missing.length} of the 52 shapes: ${missing.join(', ')}.`),
});

/** @param {string} message */
function note(message) {
    element('face-note', HTMLElement).textContent = message;
}

/** @param {unknown} error - null: nothing is wrong */
function explain(error) {
    Object.values(FIELDS).forEach((field) => field.removeAttribute('aria-invalid'));
    problem.hidden = error === null;
    if (error === null) {
        return;
    }
    const { title, text: what, field } = error instanceof Refused ? error : new Refused('Something went wrong on this page', String(error));
    element('problem-title', HTMLElement).textContent = title;
    element('problem-text', HTMLElement).textContent = what;
    FIELDS[field]?.setAttribute('aria-invalid', 'true');
    FIELDS[field]?.focus();
}

/** @param {string | Blob} what */
async function animate(what) {
    asking?.abort();
    const controller = new AbortController();
    asking = controller;
    player.wake();
    player.stop();
    explain(null);
    busy(true);
    progress.textContent = 'The server speaks …';
    try {
        const wishes = { what, voice: voice.value, mood: mood.value, fps: Number(fps.value), expressions: expressions.checked };
        const made = await requestClip(wishes, controller.signal, (part) => {
            progress.textContent = `${part.heard.toFixed(1)} seconds are made …`;
        });
        if (!controller.signal.aborted) {
            open(made);
        }
    } catch (error) {
        if (!controller.signal.aborted) {
            progress.textContent = '';
            explain(error);
        }
    } finally {
        if (asking === controller) {
            asking = null;
            busy(false);
        }
    }
}

/** @param {boolean} now */
function busy(now) {
    form.setAttribute('aria-busy', String(now));
    cancel.hidden = !now;
    speak.disabled = now;
}

/** @param {Clip} made */
function open(made) {
    clip = made;
    element('result', HTMLElement).hidden = false;
    const sources = /** @type {Record<string, string>} */ ({ durations: 'the voice’s own durations', alignment: 'estimated times of the speech sounds', audio: 'the sound alone' });
    progress.textContent = made.heard > 0 ? `${made.heard.toFixed(1)} seconds are ready.` : 'There is nothing to say in this text: the face stays at rest.';
    element('facts', HTMLElement).textContent = `${made.frames.length} frames at ${made.fps} a second; lips by ${sources[made.source] ?? made.source}.`;
    scrub.max = String(Math.max(1, made.frames.length - 1));
    player.load(made.sound(), made.rate, made.seconds);
    redraw();
    revealPlayer();
    player.play();
}

/** Scrolls to the face and the player, which lie below the form on a narrow page. */
function revealPlayer() {
    const { top, bottom } = play.getBoundingClientRect();
    if (top < 0 || bottom > innerHeight) {
        const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
        place.scrollIntoView({ block: 'start', behavior: calm ? 'instant' : 'smooth' });
    }
}

function redraw() {
    if (clip !== null) {
        axis.prepare(clip);
        plot.prepare(clip, all.checked);
        shown = -1;
    }
}

/**
 * Shows the moment that is heard, once per animation frame.
 *
 * @param {number} now
 */
function frame(now) {
    player.tick();
    const moment = player.now();
    if (clip !== null) {
        clip.face(moment, face);
        if (moment !== shown) {
            shown = moment;
            tell(clip, moment);
        }
    }
    portrait.draw(face, 0.5 + 0.5 * Math.sin(now / 650));
    if (look.value === 'auto' && portrait.shown === 'head' && quality.drew(now, now - drawn, !player.playing)) {
        showPerson();
    }
    drawn = now;
    requestAnimationFrame(frame);
}

/**
 * @param {Clip} made
 * @param {number} moment
 */
function tell(made, moment) {
    const index = Math.min(made.frames.length - 1, Math.round(moment * made.fps));
    scrub.value = String(index);
    const word = made.words.find(({ start, end }) => moment >= start && moment < end)?.text ?? '';
    scrub.setAttribute('aria-valuetext', `${moment.toFixed(2)} seconds ${word}`.trim());
    element('moment', HTMLOutputElement).textContent = `${moment.toFixed(2)} of ${made.seconds.toFixed(2)} s`;
    axis.show(moment);
    plot.show(moment);
    const values = element('values', HTMLUListElement);
    if (/** @type {HTMLDetailsElement} */ (values.closest('details')).open) {
        values.replaceChildren(...listed(made, index));
    }
}

/**
 * @param {Clip} made
 * @param {number} index
 * @returns {HTMLLIElement[]}
 */
function listed(made, index) {
    return [...SHAPES, ...EXTRA].map((name, i) => {
        const item = document.createElement('li');
        const value = document.createElement('span');
        value.textContent = (made.frames[index]?.[i] ?? 0).toFixed(3);
        item.append(`${name} `, value);
        return item;
    });
}

/** @param {PointerEvent} event */
function pointed(event) {
    const row = plot.rowAt(event.offsetY);
    hover.hidden = clip === null || row === undefined;
    if (clip === null || row === undefined) {
        return;
    }
    const seconds = plot.at(event.offsetX);
    const values = clip.frames[Math.min(clip.frames.length - 1, Math.round(seconds * clip.fps))];
    const sound = clip.sounds.find(({ start, end }) => seconds >= start && seconds < end)?.text ?? '';
    hover.textContent = `${row.name} ${values[row.index].toFixed(3)} at ${seconds.toFixed(2)} s ${sound === '' ? '' : `[${sound}]`}`;
    const right = event.offsetX > plot.width - 240;
    hover.style.left = right ? '' : `${event.offsetX + 14}px`;
    hover.style.right = right ? `${plot.width - event.offsetX + 14}px` : '';
    hover.style.top = `${event.offsetY + 14}px`;
}

/**
 * @param {string} name
 * @param {string} type
 * @param {BlobPart} content
 */
function save(name, type, content) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

function showPerson() {
    const person = people.find(who.value);
    place.setAttribute('aria-label', `The face of ${person.name}`);
    if (look.value === 'auto' && person.file !== '' && quality.current.level !== 'lite' && !(gpu ??= hasGpu())) {
        quality.failed(performance.now());
        note(NO_GPU);
    }
    const { level, ratio } = look.value === 'auto' ? quality.current : { level: look.value === 'full' ? /** @type {const} */ ('full') : /** @type {const} */ ('lite'), ratio: 2 };
    portrait.show(person, person.file === '' ? 'lite' : level, { ratio, slowToo: look.value === 'full' });
}

function layout() {
    const { width, height } = place.getBoundingClientRect();
    portrait.layout({ width: Math.round(width), height: Math.round(height), covered: 0 });
    redraw();
}

async function fill() {
    await people.load().catch((error) => note(`The people could not be listed: ${error.message}`));
    who.replaceChildren(...people.list.map(({ id, name }) => new Option(name, id)));
    showPerson();
    const response = await fetch(new URL('../api/voices', location.href)).catch(() => null);
    const { voices = [] } = response?.ok ? await response.json() : {};
    voice.append(...voices.map((/** @type {any} */ { name, locale }) => new Option(`${name} (${locale})`, name)));
}

form.addEventListener('submit', (event) => {
    event.preventDefault();
    void animate(text.value);
});
text.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        form.requestSubmit();
    }
});
cancel.addEventListener('click', () => {
    asking?.abort();
    asking = null;
    busy(false);
    progress.textContent = 'Cancelled.';
    speak.focus();
});
recording.addEventListener('change', () => {
    const [file] = recording.files ?? [];
    if (file !== undefined) {
        void animate(file);
        recording.value = '';
    }
});
for (const type of ['dragover', 'dragleave', 'drop']) {
    document.addEventListener(type, (event) => {
        event.preventDefault();
        document.body.classList.toggle('dropping', type === 'dragover');
        const [file] = /** @type {DragEvent} */ (event).dataTransfer?.files ?? [];
        if (type === 'drop' && file !== undefined) {
            void animate(file);
        }
    });
}
play.addEventListener('click', () => (player.playing ? player.stop() : player.play()));
player.addEventListener('change', () => (play.textContent = player.playing ? 'Pause' : 'Play'));
document.addEventListener('keydown', (event) => {
    const typing = event.target instanceof Element && event.target.closest('input:not([type="range"]), textarea, select, button, summary') !== null;
    if (event.key === ' ' && !typing && clip !== null) {
        event.preventDefault();
        play.click();
    }
});
scrub.addEventListener('input', () => player.seek(Number(scrub.value) / (clip?.fps ?? 1)));
for (const canvas of [plot, axis]) {
    canvas.canvas.addEventListener('pointerdown', (event) => player.seek(canvas.at(event.offsetX)));
}
plot.canvas.addEventListener('pointermove', pointed);
plot.canvas.addEventListener('pointerleave', () => (hover.hidden = true));
all.addEventListener('change', redraw);
for (const choice of [who, look]) {
    choice.addEventListener('change', () => {
        note('');
        showPerson();
    });
}
element('values', HTMLUListElement).closest('details')?.addEventListener('toggle', () => (shown = -1));
element('save-json', HTMLButtonElement).addEventListener('click', () => clip && save('frames.json', 'application/json', clip.json()));
element('save-csv', HTMLButtonElement).addEventListener('click', () => clip && save('frames.csv', 'text/csv', clip.csv()));
element('save-wav', HTMLButtonElement).addEventListener('click', () => clip && save('speech.wav', 'audio/wav', /** @type {Uint8Array<ArrayBuffer>} */ (clip.wav())));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
new ResizeObserver(layout).observe(place);

void fill();
requestAnimationFrame(frame);
