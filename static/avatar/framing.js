/**
 * The camera's position: head and shoulders, as in a good video call, for any shape of the picture. Pure.
 */

/** Vertical angle of view in degrees: a long lens flatters a face. */
export const LENS = 22;

/** How far above the eyes the hair may reach, and how far below them a picture may end, in metres. */
const ABOVE = 0.135;
const BELOW = 0.225;
/** The face with its ears must fit a narrow picture. */
const WIDE = 0.25;
/** In a wide picture the head is a little larger than head and shoulders need: the eyes at a third from above. */
const AIR = 0.045;

/**
 * @typedef {Object} Frame
 * @property {number} distance - of the camera from the eyes, metres
 * @property {number} height - of the camera's aim over the eyes, metres
 */

/**
 * @param {{width: number, height: number, covered: number}} picture - pixels; `covered`: at the bottom, by controls
 * @returns {Frame}
 */
export function frame({ width, height, covered }) {
    const free = Math.max(0.45, 1 - covered / Math.max(1, height)); // of the picture's height
    const need = ABOVE + AIR + BELOW;
    const aspect = width / Math.max(1, height);
    const tall = Math.max(need / free, WIDE / Math.max(0.1, aspect));
    const spare = tall * free - need;
    const top = ABOVE + AIR + spare * 0.45;
    return {
        distance: tall / 2 / Math.tan((LENS * Math.PI) / 360),
        height: top - tall / 2,
    };
}
