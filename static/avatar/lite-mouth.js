/**
 * The mouth of the drawn face, in millimetres: it opens as far as the heads' mouths do with the same weights.
 */
import { graded } from '../canvas.js';
import { clear } from './colors.js';
import { shape } from './shapes.js';

/** @typedef {import('./colors.js').Palette} Palette */

/** Each shape's part in the gap between the lips, in millimetres at full weight, as measured on the heads. */
const GAP = Object.entries({
    jawOpen: 34.5, mouthClose: -34.5, mouthFunnel: 14, mouthShrugUpper: 4.1, mouthShrugLower: -4.9, mouthRollLower: -3.8, mouthRollUpper: -2.8,
    mouthUpperUpLeft: 2.4, mouthUpperUpRight: 2.4, mouthLowerDownLeft: 1.9, mouthLowerDownRight: 1.9, mouthSmileLeft: -1.5, mouthSmileRight: -1.5,
    mouthPressLeft: -1.4, mouthPressRight: -1.4, jawForward: 1.4, mouthLeft: -1.1, mouthRight: -1.1, cheekPuff: -1.1, mouthPucker: -0.9,
    mouthStretchLeft: 0.2, mouthStretchRight: 0.2,
}).map(([name, factor]) => ({ at: shape(name), factor }));
const AT_REST = 0.67;

/**
 * @param {Float32Array} weights
 * @returns {number} millimetres between the lips; 0: closed
 */
export function lipGap(weights) {
    return Math.max(0, GAP.reduce((sum, { at, factor }) => sum + weights[at] * factor, AT_REST) - AT_REST);
}

/**
 * Where the lips are, x to the viewer's right (the character's left), y down.
 *
 * @typedef {Object} Mouth
 * @property {{x: number, y: number}} left - corner on the viewer's left
 * @property {{x: number, y: number}} right
 * @property {number} x - middle
 * @property {number} upper - inner edge of the upper lip, in the middle
 * @property {number} lower - inner edge of the lower lip
 * @property {number} above - thickness of the upper lip
 * @property {number} below
 * @property {number} jaw - how far the lower teeth went down
 * @property {number} tongue
 */

/** The middle of the closed lips, below the eyes. */
export const MOUTH_Y = 63;

/**
 * @param {Float32Array} weights
 * @returns {Mouth}
 */
export function mouthShape(weights) {
    const w = (/** @type {string} */ name) => weights[shape(name)];
    const both = (/** @type {string} */ name) => (w(`${name}Left`) + w(`${name}Right`)) / 2;
    const gap = lipGap(weights);
    const round = w('mouthPucker') * 10 + w('mouthFunnel') * 7;
    const x = (w('mouthLeft') - w('mouthRight')) * 7 + (w('jawLeft') - w('jawRight')) * 4;
    const corner = (/** @type {'Left' | 'Right'} */ side, /** @type {number} */ sign) => ({
        x: x + sign * (25 + 5 * w(`mouthSmile${side}`) + 4 * w(`mouthStretch${side}`) + 2.5 * w(`mouthDimple${side}`) - round - gap * 0.12),
        y: MOUTH_Y - 3 - 7 * w(`mouthSmile${side}`) + 7 * w(`mouthFrown${side}`) - 1.5 * w(`mouthDimple${side}`) + gap * 0.3,
    });
    const press = both('mouthPress');
    const upper = MOUTH_Y - 4.5 * both('mouthUpperUp') - 2.5 * w('mouthFunnel') - 3 * w('mouthShrugUpper') - 2 * w('mouthShrugLower') + 1.5 * w('mouthRollUpper')
        - 1.2 * both('mouthSmile');
    return {
        left: corner('Right', -1),
        right: corner('Left', 1),
        x,
        upper,
        lower: upper + gap,
        above: Math.max(2, 6.6 + 2.5 * w('mouthFunnel') + 1.5 * w('mouthPucker') - 5.5 * w('mouthRollUpper') - 3 * press - 1.6 * both('mouthSmile')),
        below: Math.max(2.5, 9.6 + 2 * w('mouthFunnel') + 2 * w('mouthPucker') - 7 * w('mouthRollLower') - 3.5 * press - 1.5 * both('mouthSmile')),
        jaw: Math.max(0, w('jawOpen')) * 34.5,
        tongue: w('tongueOut'),
    };
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {Float32Array} weights
 * @param {Palette} colors
 */
export function paintMouth(draw, weights, colors) {
    const mouth = mouthShape(weights);
    paintCavity(draw, mouth);
    paintLips(draw, mouth, colors);
    if (mouth.tongue > 0.05) {
        paintTongue(draw, mouth, 0.35 + mouth.tongue * 0.65);
    }
}

/**
 * The edge between lip and mouth, upper from left to right or lower from right to left.
 *
 * @param {CanvasRenderingContext2D} draw
 * @param {Mouth} mouth
 * @param {'upper' | 'lower'} edge
 */
function inner(draw, { left, right, x, upper, lower }, edge) {
    const [from, to, y] = edge === 'upper' ? [left, right, upper] : [right, left, lower];
    const reach = (to.x - from.x) / 2;
    draw.bezierCurveTo(from.x + reach * 0.35, from.y + (y - from.y) * 0.7, x - reach * 0.45, y, x, y);
    draw.bezierCurveTo(x + reach * 0.45, y, to.x - reach * 0.35, to.y + (y - to.y) * 0.7, to.x, to.y);
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {Mouth} mouth
 */
function paintCavity(draw, mouth) {
    if (mouth.lower - mouth.upper < 0.4) {
        return;
    }
    draw.save();
    draw.beginPath();
    draw.moveTo(mouth.left.x, mouth.left.y);
    inner(draw, mouth, 'upper');
    inner(draw, mouth, 'lower');
    draw.closePath();
    draw.clip();
    draw.fillStyle = '#3a1014';
    draw.fillRect(-60, MOUTH_Y - 30, 120, 90);
    const bottom = MOUTH_Y + 9 + mouth.jaw;
    draw.fillStyle = '#a9545a';
    draw.beginPath();
    draw.ellipse(mouth.x, bottom + 1, 17, 8, 0, 0, 2 * Math.PI); // tongue
    draw.fill();
    draw.fillStyle = '#ddd3c8';
    draw.beginPath();
    draw.roundRect(mouth.x - 15, bottom - 1.5, 30, 9, 3); // lower teeth
    draw.fill();
    draw.fillStyle = '#f4eee6';
    draw.beginPath();
    draw.roundRect(mouth.x - 19, MOUTH_Y - 12, 38, 14.5, 4); // upper teeth stay where the skull is
    draw.fill();
    // The shadow of the upper lip.
    draw.fillStyle = graded(draw.createLinearGradient(0, mouth.upper - 2, 0, mouth.upper + 8), { 0: 'rgb(40 8 12 / 0.55)', 1: 'rgb(40 8 12 / 0)' });
    draw.fillRect(-60, MOUTH_Y - 30, 120, 90);
    draw.restore();
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {Mouth} mouth
 * @param {Palette} colors
 */
function paintLips(draw, mouth, colors) {
    const { left, right, x, upper, lower, above, below } = mouth;
    const reach = (right.x - left.x) / 2;
    const top = upper - above;
    draw.beginPath();
    draw.moveTo(left.x, left.y);
    draw.bezierCurveTo(left.x + reach * 0.3, left.y + (top - left.y) * 0.38, x - reach * 0.42, top, x - reach * 0.22, top);
    draw.quadraticCurveTo(x - reach * 0.08, top + 0.4, x, top + 1.8); // the bow
    draw.quadraticCurveTo(x + reach * 0.08, top + 0.4, x + reach * 0.22, top);
    draw.bezierCurveTo(x + reach * 0.42, top, right.x - reach * 0.3, right.y + (top - right.y) * 0.38, right.x, right.y);
    inner(draw, { ...mouth, left: right, right: left }, 'upper');
    draw.closePath();
    draw.fillStyle = vertical(draw, top, upper, colors.lips, colors.lipsDark);
    draw.fill();

    const bottom = lower + below;
    draw.beginPath();
    draw.moveTo(right.x, right.y);
    inner(draw, mouth, 'lower');
    draw.bezierCurveTo(left.x + reach * 0.22, left.y + (bottom - left.y) * 0.62, x - reach * 0.55, bottom, x, bottom);
    draw.bezierCurveTo(x + reach * 0.55, bottom, right.x - reach * 0.22, right.y + (bottom - right.y) * 0.62, right.x, right.y);
    draw.closePath();
    draw.fillStyle = graded(draw.createLinearGradient(0, lower, 0, bottom), { 0: colors.lips, 0.45: colors.lipsLight, 1: colors.lips });
    draw.fill();

    if (lower - upper < 2) {
        draw.beginPath();
        draw.moveTo(left.x, left.y);
        inner(draw, mouth, 'upper');
        draw.strokeStyle = colors.lipsDark;
        draw.lineWidth = 0.9;
        draw.stroke();
    }
    for (const { x: at, y } of [left, right]) {
        draw.fillStyle = graded(draw.createRadialGradient(at, y, 0, at, y, 4.5), { 0: clear(colors.deep, 0.5), 1: clear(colors.deep, 0) });
        draw.fillRect(at - 5, y - 5, 10, 10);
    }
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {Mouth} mouth
 * @param {number} out - 0 to 1
 */
function paintTongue(draw, { x, upper, lower }, out) {
    draw.beginPath();
    draw.roundRect(x - 10.5, upper + 1, 21, Math.max(3, lower - upper + 3) + 13 * out, 9);
    draw.fillStyle = vertical(draw, upper, lower + 14, '#8e3f47', '#c9737a');
    draw.fill();
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {number} top
 * @param {number} bottom
 * @param {string} from
 * @param {string} to
 */
function vertical(draw, top, bottom, from, to) {
    return graded(draw.createLinearGradient(0, top, 0, bottom), { 0: from, 1: to });
}
