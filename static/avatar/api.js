/**
 * `window.visavis.avatar`: the face for integrators and tests. docs/page.md describes it.
 */
import { SHAPES } from './shapes.js';

/**
 * @typedef {Object} AvatarApi
 * @property {() => Record<string, number>} weights - the 52 as last drawn, by name
 * @property {() => {yaw: number, pitch: number, roll: number}} head - degrees, as last drawn
 * @property {() => {timestamp: number | null, applied: number | null, at: number, response: number, level: number}} clock
 * @property {(expression: import('../avatar.js').Expression) => void} set - sets it on this page, and in a call for the agent
 * @property {() => {id: string, name: string, chosen: boolean}[]} people
 * @property {(id: string) => void} choose - not stored
 * @property {(person: import('./people.js').Person) => void} add - one more to choose from; replaces one of the same id
 * @property {(choice?: import('./quality.js').Choice) => {choice: import('./quality.js').Choice, level: import('./quality.js').Level | 'off', shown: 'head' | 'lite' | 'off', ratio: number}} quality
 * @property {Pick<import('./log.js').AppliedLog, 'start' | 'stop'>} log - of what is drawn
 */

/**
 * @param {import('../avatar.js').Avatar} avatar
 * @returns {AvatarApi}
 */
export function createAvatarApi(avatar) {
    return {
        weights: () => Object.fromEntries(SHAPES.map((name, i) => [name, avatar.face.weights[i]])),
        head: () => ({ yaw: avatar.face.yaw, pitch: avatar.face.pitch, roll: avatar.face.roll }),
        clock: () => {
            const { at, timestamp: applied, response, level } = avatar.applied;
            return { timestamp: avatar.session.face.clock?.now(performance.now()) ?? null, applied, at, response, level };
        },
        set: (expression) => avatar.set(expression),
        people: () => avatar.people.list.map(({ id, name }) => ({ id, name, chosen: id === avatar.person.id })),
        choose: (id) => avatar.choose(id),
        add: (person) => avatar.add(person),
        quality: (choice) => {
            if (choice !== undefined) {
                avatar.setQuality(choice);
            }
            const { face } = avatar.settings;
            const off = face === 'off';
            const { level, ratio } = face === 'auto' ? avatar.quality.current : { level: face, ratio: 2 };
            return { choice: face, level, shown: off ? 'off' : avatar.portrait.shown, ratio };
        },
        log: { start: () => avatar.log.start(), stop: () => avatar.log.stop() },
    };
}
