/**
 * The drawn face without eyes, mouth and hair, in millimetres from the middle between the eyes, y down.
 */
import { graded } from '../canvas.js';
import { clear } from './colors.js';
import { shape } from './shapes.js';

/** @typedef {import('./colors.js').Palette} Palette */
/** @typedef {CanvasRenderingContext2D} Draw */

/**
 * @param {Draw} draw
 * @param {Palette} colors
 * @param {number} breath
 */
export function paintShoulders(draw, colors, breath) {
    const lift = -0.9 * breath;
    draw.fillStyle = graded(draw.createLinearGradient(-150, 120, 150, 260), { 0: colors.clothLight, 0.5: colors.cloth, 1: colors.clothDark });
    draw.beginPath();
    draw.moveTo(-235, 420);
    draw.bezierCurveTo(-222, 250, -205, 190 + lift, -130, 168 + lift);
    draw.bezierCurveTo(-90, 156 + lift, -70, 148 + lift, -56, 138 + lift);
    draw.bezierCurveTo(-40, 186, 40, 186, 56, 138 + lift);
    draw.bezierCurveTo(70, 148 + lift, 90, 156 + lift, 130, 168 + lift);
    draw.bezierCurveTo(205, 190 + lift, 222, 250, 235, 420);
    draw.closePath();
    draw.fill();
    draw.strokeStyle = clear(colors.clothDark, 0.8);
    draw.lineWidth = 3;
    draw.beginPath();
    draw.moveTo(-57, 139 + lift);
    draw.bezierCurveTo(-41, 190, 41, 190, 57, 139 + lift);
    draw.stroke();
}

/**
 * @param {Draw} draw
 * @param {Palette} colors
 * @param {{x: number, y: number}} chin
 * @param {number} broad
 */
export function paintNeck(draw, colors, chin, broad) {
    const half = 41 * broad;
    draw.fillStyle = graded(draw.createLinearGradient(-50, 0, 50, 0), { 0: colors.skin, 0.4: colors.light, 1: colors.shade });
    draw.beginPath();
    draw.moveTo(-half + chin.x * 0.5, 40);
    draw.bezierCurveTo(-half, 110, -half - 2, 128, -72, 150);
    draw.lineTo(-60, 200);
    draw.lineTo(60, 200);
    draw.lineTo(72, 150);
    draw.bezierCurveTo(half + 2, 128, half, 110, half + chin.x * 0.5, 40);
    draw.closePath();
    draw.fill();
    // The shadow of the chin.
    draw.fillStyle = graded(draw.createLinearGradient(0, chin.y - 12, 0, chin.y + 42), { 0: clear(colors.deep, 0.85), 1: clear(colors.deep, 0) });
    draw.fill();
}

/**
 * The outline of the face; the jaw goes down with the mouth.
 *
 * @param {Draw} draw
 * @param {number} jaw - millimetres
 * @param {number} aside
 * @param {{puff: number, broad: number}} form
 */
export function faceOutline(draw, jaw, aside, { puff, broad }) {
    const x = (/** @type {number} */ value) => value * broad;
    const chin = 101 + jaw;
    draw.beginPath();
    draw.moveTo(x(-66), -30);
    draw.bezierCurveTo(x(-69), -2, x(-67), 20, x(-63 - puff), 44 + jaw * 0.2);
    draw.bezierCurveTo(x(-58 - puff), 68 + jaw * 0.5, x(-37) + aside, 90 + jaw * 0.9, x(-17) + aside, chin - 2);
    draw.quadraticCurveTo(aside, chin + 4, x(17) + aside, chin - 2);
    draw.bezierCurveTo(x(37) + aside, 90 + jaw * 0.9, x(58 + puff), 68 + jaw * 0.5, x(63 + puff), 44 + jaw * 0.2);
    draw.bezierCurveTo(x(67), 20, x(69), -2, x(66), -30);
    draw.bezierCurveTo(x(64), -78, x(36), -100, 0, -100);
    draw.bezierCurveTo(x(-36), -100, x(-64), -78, x(-66), -30);
    draw.closePath();
}

/**
 * @param {Draw} draw
 * @param {Float32Array} weights
 * @param {Palette} colors
 * @param {{puff: number, broad: number}} form
 */
export function paintFaceBase(draw, weights, colors, form) {
    const jaw = weights[shape('jawOpen')] * 20;
    const aside = (weights[shape('jawLeft')] - weights[shape('jawRight')]) * 5;
    faceOutline(draw, jaw, aside, form);
    draw.fillStyle = graded(draw.createRadialGradient(-24, -26, 8, 4, 12, 128), { 0: colors.light, 0.5: colors.skin, 1: colors.shade });
    draw.fill();
    draw.save();
    draw.clip();
    glow(draw, 64 * form.broad, 20, 56, clear(colors.deep, 0.34)); // the far side turns away from the light
    glow(draw, 0, 104 + jaw, 46, clear(colors.deep, 0.22));
    for (const [side, at] of /** @type {[string, number][]} */ ([['Left', 1], ['Right', -1]])) {
        const lift = 5 * weights[shape(`cheekSquint${side}`)] + 3 * weights[shape(`mouthSmile${side}`)];
        glow(draw, 38 * at, 36 - lift, 30, clear(colors.blush, 0.22));
        glow(draw, 34 * at - 5, 24 - lift, 17, clear(colors.light, 0.42));
        paintFold(draw, at, Math.max(weights[shape(`mouthSmile${side}`)], weights[shape(`noseSneer${side}`)] * 0.8), lift, colors);
    }
    glow(draw, -10, -58, 42, clear(colors.light, 0.6));
    glow(draw, 0, 84 + jaw, 15, clear(colors.light, 0.45)); // chin
    glow(draw, 0, 78 + jaw * 0.55, 14, clear(colors.deep, 0.24)); // under the lip
    draw.restore();
}

/**
 * From nose to the corner of the mouth, deeper with a smile.
 *
 * @param {Draw} draw
 * @param {number} at - side
 * @param {number} smile
 * @param {number} lift
 * @param {Palette} colors
 */
function paintFold(draw, at, smile, lift, colors) {
    draw.strokeStyle = clear(colors.deep, 0.02 + 0.36 * smile);
    draw.lineWidth = 1.6;
    draw.lineCap = 'round';
    draw.beginPath();
    draw.moveTo(19 * at, 38 - lift);
    draw.quadraticCurveTo((29 + 6 * smile) * at, 46 - lift, (32 + 4 * smile) * at, 60 - lift * 0.5);
    draw.stroke();
}

/**
 * @param {Draw} draw
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {string} color - `rgb(… / alpha)`
 */
function glow(draw, x, y, radius, color) {
    draw.fillStyle = graded(draw.createRadialGradient(x, y, 0, x, y, radius), { 0: color, 1: color.replace(/\/ [\d.]+/, '/ 0') });
    draw.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
}

/**
 * @param {Draw} draw
 * @param {Palette} colors
 * @param {number} broad
 */
export function paintEars(draw, colors, broad) {
    for (const at of [-1, 1]) {
        draw.save();
        draw.scale(at, 1);
        draw.fillStyle = graded(draw.createLinearGradient(60, 0, 80, 0), { 0: colors.shade, 1: at < 0 ? colors.skin : colors.shade });
        draw.beginPath();
        draw.moveTo(62 * broad, -12);
        draw.bezierCurveTo(72 * broad, -26, 83 * broad, -14, 79 * broad, 6);
        draw.bezierCurveTo(77 * broad, 22, 71 * broad, 38, 63 * broad, 34);
        draw.closePath();
        draw.fill();
        draw.strokeStyle = clear(colors.deep, 0.45);
        draw.lineWidth = 1.8;
        draw.beginPath();
        draw.moveTo(67 * broad, -8);
        draw.bezierCurveTo(74 * broad, -16, 78 * broad, -4, 72 * broad, 10);
        draw.stroke();
        draw.restore();
    }
}

/**
 * @param {Draw} draw
 * @param {Float32Array} weights
 * @param {Palette} colors
 * @param {number} x - how far the nose moves to a side as the head turns
 */
export function paintNose(draw, weights, colors, x) {
    const sneer = (weights[shape('noseSneerLeft')] + weights[shape('noseSneerRight')]) / 2;
    const y = 40 - 2.5 * sneer;
    draw.save();
    draw.translate(x * 0.5, 14);
    draw.rotate(-x * 0.012);
    draw.scale(1, 3.2);
    glow(draw, -4, 0, 9, clear(colors.light, 0.55));
    glow(draw, 8, 1, 8, clear(colors.deep, 0.2));
    draw.restore();
    glow(draw, x, y - 4, 14, clear(colors.light, 0.5));
    glow(draw, x, y + 6, 15, clear(colors.deep, 0.3));
    draw.strokeStyle = clear(colors.deep, 0.5);
    draw.lineWidth = 1.5;
    draw.lineCap = 'round';
    for (const at of [-1, 1]) {
        draw.beginPath();
        draw.moveTo(x * 0.8 + at * 14, y - 7);
        draw.quadraticCurveTo(x * 0.8 + at * 19, y - 1, x * 0.8 + at * 14, y + 2.5);
        draw.stroke();
        draw.fillStyle = clear(colors.deep, 0.75);
        draw.beginPath();
        draw.ellipse(x * 0.9 + at * 7.5, y + 2.4, 4.2, 1.9, at * -0.25, 0, 2 * Math.PI);
        draw.fill();
    }
}
