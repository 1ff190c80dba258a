/**
 * The people to choose a face from: those of static/avatars/people.json and those the page adds, as in docs/page.md.
 */
import { PLAIN } from './colors.js';

/**
 * How the drawn face differs from one person to the next.
 *
 * @typedef {Object} Look
 * @property {import('./lite-hair.js').Style} [hair]
 * @property {number} [brows] - millimetres thick
 * @property {number} [broad] - width, relative to 1
 */

/**
 * @typedef {Object} Person
 * @property {string} id
 * @property {string} name
 * @property {string} file - a .glb, relative to people.json
 * @property {string} [lod] - the same head with fewer triangles, for weaker devices
 * @property {string} [thumbnail] - an image, square
 * @property {Partial<import('./colors.js').Colors>} [colors] - of the drawn face
 * @property {Look} [look]
 */

const LIST = new URL('../avatars/people.json', import.meta.url);
/** Drawn when the list cannot be read. */
const SOMEBODY = Object.freeze({ id: 'somebody', name: 'Visavis', file: '', colors: PLAIN, look: { hair: /** @type {const} */ ('short') } });

/**
 * @param {any} value - of the list, or of the page
 * @param {URL | string} base - what its files are relative to
 * @returns {Person}
 * @throws with what is wrong and what is wanted
 */
export function readPerson(value, base) {
    const { id, file } = value ?? {};
    if (typeof id !== 'string' || !/^[\w-]{1,40}$/.test(id)) {
        throw new Error(`person.id: 1 to 40 letters, digits, - or _, not ${JSON.stringify(id)}.`);
    }
    if (typeof file !== 'string' || file === '') {
        throw new Error(`person.file of ${id}: the address of a .glb file is missing.`);
    }
    const resolved = (/** @type {unknown} */ path) => (typeof path === 'string' ? new URL(path, base).href : undefined);
    return {
        id,
        name: typeof value.name === 'string' ? value.name : id,
        file: resolved(file) ?? '',
        lod: resolved(value.lod),
        thumbnail: resolved(value.thumbnail),
        colors: { ...value.colors },
        look: { ...value.look },
    };
}

export class People {
    constructor() {
        /** @type {Person[]} */
        this.list = [SOMEBODY];
    }

    /** @returns {Promise<void>} rejects when the list cannot be read; a drawn face remains */
    async load() {
        const response = await fetch(LIST);
        if (!response.ok) {
            throw new Error(`${LIST.pathname}: the server says ${response.status}`);
        }
        const { people } = await response.json();
        const read = /** @type {any[]} */ (people).map((person) => readPerson(person, LIST));
        const added = this.list.filter((person) => person !== SOMEBODY && !read.some(({ id }) => id === person.id));
        this.list = [...read, ...added];
    }

    /** @param {Person} person - replaces one of the same id */
    add(person) {
        this.list = [...this.list.filter((one) => one !== SOMEBODY && one.id !== person.id), person];
    }

    /**
     * @param {string} id
     * @returns {Person} the first one if nobody has this id
     */
    find(id) {
        return this.list.find((person) => person.id === id) ?? this.list[0];
    }

    /** @param {string} id */
    has(id) {
        return this.list.some((person) => person.id === id);
    }
}
