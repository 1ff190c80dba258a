/**
 * Eyes and brows of the drawn face, in millimetres from the middle between the eyes, y down.
 */
import { graded } from '../canvas.js';
import { clear } from './colors.js';
import { shape } from './shapes.js';

/** @typedef {import('./colors.js').Palette} Palette */

const EYE_X = 30;
const HALF = 15.5;
const UP = 8;
const DOWN = 5.6;
const IRIS = 7.2;
/** How far the iris moves at a full look. */
const SIDEWAYS = 7;
const UPDOWN = 5;

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {Float32Array} weights
 * @param {Palette} colors
 */
export function paintEyes(draw, weights, colors) {
    for (const side of /** @type {const} */ (['Left', 'Right'])) {
        draw.save();
        // Drawn as the eye on the viewer's right, which is the character's left; the other one is its mirror.
        draw.scale(side === 'Left' ? 1 : -1, 1);
        draw.translate(EYE_X, 0);
        paintEye(draw, weights, side, colors);
        draw.restore();
    }
}

/**
 * The lids: heights over and under the line between the corners.
 *
 * @param {Float32Array} weights
 * @param {'Left' | 'Right'} side
 */
export function lids(weights, side) {
    const w = (/** @type {string} */ name) => weights[shape(`${name}${side}`)];
    const blink = Math.min(1, w('eyeBlink'));
    const down = w('eyeLookDown');
    const open = (UP + 2.4 * w('eyeWide') - 3.4 * down + 1.2 * w('eyeLookUp')) * (1 - blink) - DOWN * 0.72 * blink;
    const lower = DOWN + 0.8 * w('eyeWide') - 2.4 * w('eyeSquint') * (1 - blink) - 1.3 * w('cheekSquint') * (1 - blink) + 0.8 * down * (1 - blink) - DOWN * 0.24 * blink;
    return { upper: Math.max(-lower, open), lower };
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {Float32Array} weights
 * @param {'Left' | 'Right'} side
 * @param {Palette} colors
 */
function paintEye(draw, weights, side, colors) {
    const { upper, lower } = lids(weights, side);
    socket(draw, colors);
    draw.save();
    almond(draw, upper, lower);
    draw.clip();
    paintBall(draw, weights, side, colors, upper);
    draw.restore();
    // Lashes and the fold of the lid.
    draw.lineCap = 'round';
    draw.strokeStyle = clear(colors.hairDark, 0.92);
    draw.lineWidth = 1.7;
    draw.beginPath();
    draw.moveTo(-HALF, 1.2);
    lidCurve(draw, -upper);
    draw.quadraticCurveTo(HALF + 1, -1.6, HALF + 2.4, -2.6);
    draw.stroke();
    draw.strokeStyle = clear(colors.deep, 0.5);
    draw.lineWidth = 0.9;
    draw.beginPath();
    draw.moveTo(-HALF + 1, -1.5 - Math.max(0, upper) * 0.2);
    draw.bezierCurveTo(-HALF * 0.5, -4.8 - Math.max(0, upper), HALF * 0.4, -5.4 - Math.max(0, upper), HALF + 1, -2.8);
    draw.stroke();
    draw.strokeStyle = clear(colors.deep, 0.35);
    draw.beginPath();
    draw.moveTo(-HALF + 3, 2 + lower * 0.5);
    draw.quadraticCurveTo(0, lower + 2, HALF - 1, 1.2);
    draw.stroke();
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {number} y - of the lid's middle
 */
function lidCurve(draw, y) {
    draw.bezierCurveTo(-HALF * 0.62, y * 1.15, HALF * 0.35, y * 1.4, HALF, -0.8);
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {number} upper
 * @param {number} lower
 */
function almond(draw, upper, lower) {
    draw.beginPath();
    draw.moveTo(-HALF, 1.2);
    lidCurve(draw, -upper);
    draw.bezierCurveTo(HALF * 0.5, lower * 1.25, -HALF * 0.5, lower * 1.3, -HALF, 1.2);
    draw.closePath();
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {Palette} colors
 */
function socket(draw, colors) {
    draw.fillStyle = graded(draw.createRadialGradient(-2, -3, 4, -2, -2, 24), { 0: clear(colors.deep, 0.34), 1: clear(colors.deep, 0) });
    draw.fillRect(-27, -26, 52, 48);
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {Float32Array} weights
 * @param {'Left' | 'Right'} side
 * @param {Palette} colors
 * @param {number} upper
 */
function paintBall(draw, weights, side, colors, upper) {
    const w = (/** @type {string} */ name) => weights[shape(`${name}${side}`)];
    const x = (w('eyeLookOut') - w('eyeLookIn')) * SIDEWAYS;
    const y = (w('eyeLookDown') - w('eyeLookUp')) * UPDOWN - 0.7;
    // The white of the eye.
    draw.fillStyle = graded(draw.createRadialGradient(0, 0, 4, 0, 0, 16), { 0: '#f8f5f1', 1: '#cfc3bd' });
    draw.fillRect(-20, -20, 40, 40);
    const iris = graded(draw.createRadialGradient(x, y + 1.5, 1, x, y, IRIS), { 0: colors.eyes, 0.72: colors.eyes, 1: colors.eyesDark });
    disc(draw, x, y, IRIS, iris);
    disc(draw, x, y, 3.1, '#0b0a0d');
    const mirror = side === 'Left' ? 1 : -1; // the lamp is on the viewer's left for both
    disc(draw, x - 2.2 * mirror, y - 2.3, 1.5, 'rgb(255 255 255 / 0.92)');
    disc(draw, x + 2.4 * mirror, y + 2.2, 0.8, 'rgb(255 255 255 / 0.35)');
    // The shadow of the lid.
    draw.fillStyle = graded(draw.createLinearGradient(0, -upper - 1, 0, -upper + 6), { 0: 'rgb(30 12 16 / 0.5)', 1: 'rgb(30 12 16 / 0)' });
    draw.fillRect(-20, -20, 40, 40);
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {string | CanvasGradient} fill
 */
function disc(draw, x, y, radius, fill) {
    draw.beginPath();
    draw.arc(x, y, radius, 0, 2 * Math.PI);
    draw.fillStyle = fill;
    draw.fill();
}

/**
 * @param {CanvasRenderingContext2D} draw
 * @param {Float32Array} weights
 * @param {Palette} colors
 * @param {number} thick
 */
export function paintBrows(draw, weights, colors, thick) {
    for (const side of /** @type {const} */ (['Left', 'Right'])) {
        const down = weights[shape(`browDown${side}`)];
        const inner = -29 - 7 * weights[shape('browInnerUp')] + 5.5 * down;
        const outer = -27.5 - 7 * weights[shape(`browOuterUp${side}`)] + 2.5 * down;
        const peak = -34.5 - 2.5 * weights[shape('browInnerUp')] - 7.5 * weights[shape(`browOuterUp${side}`)] + 4 * down;
        const near = 13 - 1.6 * down;
        draw.save();
        draw.scale(side === 'Left' ? 1 : -1, 1);
        draw.beginPath();
        draw.moveTo(near, inner + thick * 0.5);
        draw.bezierCurveTo(near + 4, inner - thick * 0.55, 26, peak - thick * 0.5, 35, peak);
        draw.quadraticCurveTo(43, peak + 1.5, 49, outer + 1.5);
        draw.quadraticCurveTo(42, peak + thick * 0.75, 35, peak + thick * 0.62);
        draw.bezierCurveTo(27, peak + thick * 0.62, near + 5, inner + thick * 0.75, near, inner + thick * 0.5);
        draw.closePath();
        draw.fillStyle = clear(colors.hair, 0.86);
        draw.fill();
        draw.restore();
    }
}
