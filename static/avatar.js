/**
 * The agent's face on the page: whose it is, how much of it the device can draw, and what it shows at any moment. Its
 * interface is `window.visavis.avatar`; docs/page.md describes it.
 */
import { Blend } from './avatar/blend.js';
import { hasGpu } from './avatar/gpu.js';
import { Life } from './avatar/life.js';
import { AppliedLog } from './avatar/log.js';
import { People, readPerson } from './avatar/people.js';
import { Portrait } from './avatar/portrait.js';
import { Quality, isChoice } from './avatar/quality.js';
import { SHAPES, emptyFace, shape } from './avatar/shapes.js';
import { encodeClientMessage } from './protocol.js';

/** @typedef {import('./avatar/quality.js').Choice} Choice */
/** @typedef {import('./avatar/people.js').Person} Person */
/** @typedef {import('./settings.js').Settings} Settings */
/** @typedef {{mood: string} | {gesture: string}} Expression */

const TABLES = new URL('avatars/expressions.json', import.meta.url);
const JAW = shape('jawOpen');
/** Least time between two frames of a drawn face that is idle. */
const IDLE_MS = 1000 / 31;
const LIVE = ['listening', 'thinking', 'speaking'];

export class Avatar extends EventTarget {
    /**
     * @param {HTMLElement} place - where the face is drawn
     * @param {import('./session.js').CallSession} session
     * @param {Settings} settings - read, and changed by calls of the API
     */
    constructor(place, session, settings) {
        super();
        this.place = place;
        this.session = session;
        this.settings = settings;
        this.people = new People();
        this.portrait = new Portrait(place, {
            onProgress: (share) => this.emit('progress', { share }),
            onFailed: (why, detail) => this.failed(why, detail),
            onMissing: (person, missing) => this.lacks(person, missing),
        });
        this.quality = new Quality(settings.faceStep);
        this.blend = new Blend();
        /** @type {Life | null} Null until its tables are loaded. */
        this.life = null;
        this.face = emptyFace();
        /** The mood that the person or the page has set. */
        this.mood = 'neutral';
        /** @type {{at: number, timestamp: number | null, level: number, response: number}} Of the last face that was drawn. */
        this.applied = { at: 0, timestamp: null, level: 0, response: 0 };
        this.log = new AppliedLog();
        this.told = new Set();
        /** People whose head could not be loaded. */
        this.broken = new Set();
        this.still = matchMedia('(prefers-reduced-motion: reduce)');
        this.running = false;
        /** @type {boolean | null} Null: not asked yet. */
        this.gpu = null;
        this.listen();
    }

    get calm() {
        return this.settings.calm || this.still.matches;
    }

    get person() {
        return this.people.find(this.settings.person);
    }

    async open() {
        this.configure();
        const tables = fetch(TABLES).then((response) => response.json());
        await Promise.allSettled([
            this.people.load().catch((error) => this.emit('notice', { message: `The faces could not be listed: ${error.message}` })),
            tables.then((read) => {
                this.life = new Life(read);
                this.showState();
            }, () => this.emit('notice', { message: 'The face’s expressions could not be loaded. Reload the page to try again.' })),
        ]);
        this.emit('people', {});
        this.configure();
    }

    listen() {
        const { session } = this;
        session.addEventListener('state', (event) => {
            const { state, previous } = /** @type {CustomEvent} */ (event).detail;
            this.showState();
            if (!LIVE.includes(previous) && LIVE.includes(state) && this.mood !== 'neutral') {
                session.send(encodeClientMessage('set-expression', { mood: this.mood }));
            }
        });
        session.addEventListener('ended', () => this.life?.setMood(this.mood, performance.now()));
        session.addEventListener('bot-interrupted', () => this.blend.interrupt());
        session.addEventListener('server-message', (event) => {
            const { detail } = /** @type {CustomEvent} */ (event);
            if (detail.type === 'expression') {
                this.express(detail);
            }
        });
        matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.layout());
        const observer = new ResizeObserver(() => this.layout());
        observer.observe(this.place);
        document.querySelectorAll('[data-covers-face]').forEach((cover) => observer.observe(cover));
    }

    showState() {
        const { state } = this.session;
        this.life?.setState(LIVE.includes(state) ? state : 'idle', performance.now());
    }

    /** Applies the settings. */
    configure() {
        const { face: choice } = this.settings;
        const { person } = this;
        document.body.dataset.face = choice === 'off' ? 'off' : 'on';
        this.place.setAttribute('aria-label', `The face of ${person.name}`);
        this.place.dataset.person = person.id;
        const drawn = choice === 'off' || person.file === '' || this.broken.has(person.id);
        if (choice === 'auto' && !drawn && this.quality.current.level !== 'lite' && !(this.gpu ??= hasGpu())) {
            this.quality.failed(performance.now());
        }
        const { level, ratio } = choice === 'auto' || choice === 'off' ? this.quality.current : { level: choice, ratio: 2 };
        this.portrait.show(person, drawn ? 'lite' : level, { ratio, slowToo: choice !== 'auto' });
        this.layout();
        if (choice !== 'off' && !this.running) {
            this.running = true;
            requestAnimationFrame(() => this.frame());
        }
    }

    layout() {
        const box = this.place.getBoundingClientRect();
        let covered = 0;
        for (const cover of document.querySelectorAll('[data-covers-face]')) {
            const { top, height } = cover.getBoundingClientRect();
            covered = height > 0 ? Math.max(covered, box.bottom - top) : covered;
        }
        this.portrait.layout({ width: Math.round(box.width), height: Math.round(box.height), covered: Math.max(0, covered) });
    }

    frame() {
        this.running = this.settings.face !== 'off';
        if (!this.running) {
            return;
        }
        requestAnimationFrame(() => this.frame());
        const now = performance.now(); // not the time that the browser passes: then it began the frame's work
        const moment = this.session.face.now(now);
        const interval = now - this.applied.at;
        const drawn = this.portrait.shown === 'lite';
        const idle = moment === null && this.blend.share === 0 && this.blend.mouth === 0;
        if (drawn && idle && interval < IDLE_MS) {
            return;
        }
        this.apply(now, moment);
        const loading = drawn && this.quality.current.level !== 'lite';
        if (this.settings.face === 'auto' && !loading && this.quality.drew(now, interval, this.session.state !== 'speaking')) {
            this.settings.faceStep = this.quality.step;
            this.emit('step', {});
            this.configure();
        }
    }

    /**
     * Draws the face that belongs to what is heard now.
     *
     * @param {number} now - as performance.now() says
     * @param {import('./avatar/frames.js').Face | null} moment - of the server
     */
    apply(now, moment) {
        const { calm } = this;
        const alive = this.life?.at(now, calm) ?? emptyFace();
        this.face = this.blend.at(now, moment, alive, calm);
        this.portrait.draw(this.face, this.life?.breath ?? 0);
        const timestamp = moment === null ? null : this.session.face.clock?.now(now) ?? null;
        this.applied = { at: now, timestamp, level: moment?.level ?? 0, response: moment?.response ?? 0 };
        this.log.add(now, timestamp, this.face.weights[JAW], this.applied.level);
    }

    /**
     * @param {any} expression - `{mood}` or `{gesture}`
     * @returns {boolean} whether the face knows it
     */
    express({ mood, gesture }) {
        const now = performance.now();
        return typeof mood === 'string' ? this.life?.setMood(mood, now) ?? false : this.life?.gesture(String(gesture), now) ?? false;
    }

    /** @param {Expression} expression */
    set(expression) {
        if (!this.express(expression)) {
            const { moods = {}, gestures = {} } = this.life?.tables ?? {};
            throw new Error(`expression: {mood} of ${Object.keys(moods).join(', ')}, or {gesture} of ${Object.keys(gestures).join(', ')}; `
                + `not ${JSON.stringify(expression)}.`);
        }
        if ('mood' in expression) {
            this.mood = expression.mood;
        }
        if (this.session.live) {
            this.session.send(encodeClientMessage('set-expression', expression));
        }
    }

    /** @param {string} id */
    choose(id) {
        if (!this.people.has(id)) {
            throw new Error(`person: one of ${this.people.list.map((person) => person.id).join(', ')}; not ${JSON.stringify(id)}.`);
        }
        this.broken.delete(id);
        this.settings.person = id;
        this.configure();
        this.emit('chosen', {});
    }

    /** @param {unknown} value - like an entry of people.json */
    add(value) {
        this.people.add(readPerson(value, document.baseURI));
        this.emit('people', {});
    }

    /** @param {Choice} choice */
    setQuality(choice) {
        if (!isChoice(choice)) {
            throw new Error(`quality: auto, full, lod0, lite or off, not ${JSON.stringify(choice)}.`);
        }
        this.settings.face = choice;
        if (choice === 'auto') {
            this.quality = new Quality(); // chosen by hand: measured again
        }
        this.configure();
        this.emit('chosen', {});
    }

    /**
     * @param {'webgl' | 'head'} why
     * @param {string} detail
     */
    failed(why, detail) {
        const { person } = this;
        if (why === 'head') {
            this.broken.add(person.id);
            this.emit('notice', { message: `The head of ${person.name} could not be loaded (${detail}), so the face is drawn. Choose another person in the settings, or reload the page.` });
        } else if (this.settings.face === 'auto') {
            this.quality.failed(performance.now());
        } else {
            this.emit('notice', { message: `This browser has no WebGL (${detail}), so the face is drawn.` });
        }
        console.warn(`Visavis: no 3D face: ${detail}`);
    }

    /**
     * @param {Person} person
     * @param {readonly string[]} missing
     */
    lacks(person, missing) {
        if (!this.told.has(person.id)) {
            this.told.add(person.id);
            const some = missing.length > 4 ? `${missing.slice(0, 3).join(', ')} and ${missing.length - 3} more` : missing.join(', ');
            console.warn(`Visavis: the head of ${person.name} lacks ${missing.length} of ${SHAPES.length} shapes: ${missing.join(', ')}`);
            this.emit('notice', { message: `The head of ${person.name} lacks ${missing.length} of ${SHAPES.length} shapes (${some}): it shows what it can.` });
        }
    }

    /**
     * @param {string} type
     * @param {object} detail
     */
    emit(type, detail) {
        this.dispatchEvent(new CustomEvent(type, { detail }));
    }
}
