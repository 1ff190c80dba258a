/**
 * The picture of the face: drawn at first, the head once it is loaded, and always whichever can be shown.
 */
import { download } from './download.js';
import { LiteFace } from './lite.js';

/** @typedef {import('./shapes.js').Face} Face */
/** @typedef {import('./people.js').Person} Person */
/** @typedef {import('./quality.js').Level} Level */
/** @typedef {import('./scene.js').HeadScene} HeadScene */

/** A context that is not restored within this is replaced. */
const RESTORE_MS = 4000;

/**
 * What a portrait reports.
 *
 * @typedef {Object} PortraitEvents
 * @property {(share: number | null) => void} onProgress - 0 to 1; null: nothing is loading
 * @property {(why: 'webgl' | 'head', detail: string) => void} onFailed - the drawn face is shown instead
 * @property {(person: Person, missing: readonly string[]) => void} onMissing - the head lacks shapes
 */

export class Portrait {
    /**
     * @param {HTMLElement} place
     * @param {PortraitEvents} events
     */
    constructor(place, events) {
        this.place = place;
        this.events = events;
        this.drawing = document.createElement('canvas');
        this.drawing.className = 'drawn';
        place.append(this.drawing);
        this.lite = new LiteFace(this.drawing);
        /** @type {HeadScene | null} */
        this.scene = null;
        /** @type {Person | null} */
        this.person = null;
        /** File of the head in the scene. */
        this.has = '';
        this.wanted = { file: '', slowToo: false, ratio: 1 };
        /** @type {AbortController | null} */
        this.loading = null;
        this.restoring = 0;
        this.box = { width: 0, height: 0, covered: 0 };
    }

    /** What is seen now: a head, or the drawing. */
    get shown() {
        return this.scene !== null && !this.scene.lost && this.has !== '' && this.has === this.wanted.file ? 'head' : 'lite';
    }

    /**
     * @param {Person} person
     * @param {Level} level
     * @param {{ratio: number, slowToo: boolean}} options - device pixels per CSS pixel at most, and whether WebGL without a GPU is acceptable
     */
    show(person, level, { ratio, slowToo }) {
        this.person = person;
        this.lite.setPerson(person);
        const file = level === 'lite' ? '' : level === 'lod0' ? person.lod ?? person.file : person.file;
        const changed = file !== this.wanted.file || slowToo !== this.wanted.slowToo;
        this.wanted = { file, slowToo, ratio };
        if (file === '') {
            this.dropHead();
        } else if (changed && this.has !== file) {
            void this.load(person, file);
        }
        this.layout(this.box);
    }

    /**
     * @param {Person} person
     * @param {string} file
     */
    async load(person, file) {
        this.loading?.abort();
        const loading = new AbortController();
        this.loading = loading;
        const { signal } = loading;
        /** @type {'webgl' | 'head'} */
        let stage = 'head';
        try {
            const bytes = download(file, signal, (share) => !signal.aborted && this.events.onProgress(share));
            bytes.catch(() => {}); // reported below, unless there is no WebGL
            const [{ HeadScene }, { parseHead }] = await Promise.all([import('./scene.js'), import('./head.js')]);
            signal.throwIfAborted();
            stage = 'webgl';
            this.scene ??= this.makeScene(HeadScene);
            stage = 'head';
            const head = await parseHead(await bytes);
            if (signal.aborted) {
                head.dispose();
                return;
            }
            await this.scene.setHead(head);
            signal.throwIfAborted();
            this.has = file;
            if (head.missing.length > 0) {
                this.events.onMissing(person, head.missing);
            }
        } catch (error) {
            if (signal.aborted) {
                return;
            }
            loading.abort();
            this.wanted.file = '';
            this.dropHead();
            this.events.onFailed(stage, error instanceof Error ? error.message : String(error));
        }
        this.events.onProgress(null);
        this.layout(this.box);
    }

    /**
     * @param {typeof import('./scene.js').HeadScene} Scene
     * @returns {HeadScene}
     */
    makeScene(Scene) {
        const canvas = document.createElement('canvas');
        canvas.className = 'head';
        const scene = new Scene(canvas, { slowToo: this.wanted.slowToo });
        canvas.addEventListener('webglcontextlost', (event) => {
            event.preventDefault(); // it may come back
            this.restoring = window.setTimeout(() => this.renew(), RESTORE_MS);
            this.mark();
        });
        canvas.addEventListener('webglcontextrestored', () => {
            clearTimeout(this.restoring);
            scene.surround();
            this.mark();
        });
        this.place.append(canvas);
        return scene;
    }

    /** The context is lost for good: a new canvas gets a new one. */
    renew() {
        const { person, wanted } = this;
        this.dropHead();
        if (wanted.file !== '' && person !== null) {
            void this.load(person, wanted.file);
        }
    }

    dropHead() {
        this.loading?.abort();
        this.loading = null;
        clearTimeout(this.restoring);
        this.events.onProgress(null);
        const canvas = this.scene?.canvas;
        this.scene?.dispose();
        canvas?.remove();
        this.scene = null;
        this.has = '';
        this.mark();
    }

    /** @param {{width: number, height: number, covered: number}} box - CSS pixels */
    layout(box) {
        this.box = box;
        const ratio = Math.min(this.wanted.ratio, devicePixelRatio || 1);
        this.scene?.backdrop.match(this.place);
        this.scene?.resize({ ...box, ratio });
        this.lite.resize({ ...box, ratio: Math.min(2, devicePixelRatio || 1) });
        this.mark();
    }

    /** Tells the style sheet what is shown; it fades from one to the other. */
    mark() {
        this.place.dataset.shown = this.shown;
    }

    /**
     * @param {Face} face
     * @param {number} breath
     */
    draw(face, breath) {
        if (this.shown === 'head') {
            this.scene?.draw(face, breath);
            if (this.place.dataset.shown !== 'head') {
                this.mark();
            }
        } else {
            this.lite.draw(face, breath);
        }
    }
}
