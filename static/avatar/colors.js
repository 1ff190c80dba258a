/**
 * The colours of a drawn face, derived from the few that a person defines. Pure.
 */

/**
 * As `#rrggbb`.
 *
 * @typedef {Object} Colors
 * @property {string} skin
 * @property {string} lips
 * @property {string} hair
 * @property {string} eyes
 * @property {string} cloth
 */

/**
 * @typedef {Object} Palette
 * @property {string} light - skin in the light
 * @property {string} skin
 * @property {string} shade
 * @property {string} deep - skin in the shadow
 * @property {string} blush
 * @property {string} lips
 * @property {string} lipsLight
 * @property {string} lipsDark
 * @property {string} hair
 * @property {string} hairLight
 * @property {string} hairDark
 * @property {string} eyes
 * @property {string} eyesDark
 * @property {string} cloth
 * @property {string} clothLight
 * @property {string} clothDark
 */

/** @type {Colors} */
export const PLAIN = { skin: '#c68b6d', lips: '#a8604f', hair: '#3b2a20', eyes: '#5b7f91', cloth: '#2c4468' };

/**
 * @param {string} hex
 * @returns {number[]}
 */
function channels(hex) {
    const value = Number.parseInt(hex.slice(1), 16);
    return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/**
 * @param {string} from - #rrggbb
 * @param {string} to
 * @param {number} share - of `to`
 * @returns {string}
 */
export function mix(from, to, share) {
    const goal = channels(to);
    const mixed = channels(from).map((channel, i) => Math.round(channel + (goal[i] - channel) * share));
    return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
}

/**
 * @param {string} hex
 * @param {number} alpha
 * @returns {string}
 */
export function clear(hex, alpha) {
    return `rgb(${channels(hex).join(' ')} / ${alpha})`;
}

/**
 * @param {Partial<Colors>} named
 * @returns {Palette}
 */
export function palette(named) {
    const valid = Object.entries(named).filter(([, color]) => /^#[0-9a-f]{6}$/i.test(color));
    const { skin, lips, hair, eyes, cloth } = { ...PLAIN, ...Object.fromEntries(valid) };
    return {
        light: mix(skin, '#ffeeda', 0.42),
        skin,
        shade: mix(skin, '#5a1f24', 0.3),
        deep: mix(skin, '#3a1420', 0.52),
        blush: mix(skin, '#d8453f', 0.45),
        lips,
        lipsLight: mix(lips, '#ffd9cf', 0.22),
        lipsDark: mix(lips, '#3a0d14', 0.5),
        hair,
        hairLight: mix(hair, '#e2b48a', 0.28),
        hairDark: mix(hair, '#08060a', 0.5),
        eyes,
        eyesDark: mix(eyes, '#0a0d14', 0.65),
        cloth,
        clothLight: mix(cloth, '#ffffff', 0.16),
        clothDark: mix(cloth, '#05060c', 0.45),
    };
}
