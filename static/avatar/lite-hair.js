/**
 * The hair of the drawn face: behind and in front of the head, in millimetres from the middle between the eyes, y down.
 */
import { graded } from '../canvas.js';
import { clear } from './colors.js';

/** @typedef {import('./colors.js').Palette} Palette */
/** @typedef {CanvasRenderingContext2D} Draw */
/** @typedef {'long' | 'short' | 'none'} Style */

/**
 * @param {Draw} draw
 * @param {Palette} colors
 * @returns {CanvasGradient}
 */
function shine(draw, colors) {
    return graded(draw.createLinearGradient(-70, -110, 80, 110), { 0: colors.hair, 0.25: colors.hairLight, 0.5: colors.hair, 1: colors.hairDark });
}

/**
 * @param {Draw} draw
 * @param {Palette} colors
 * @param {Style} style
 */
export function paintHairBehind(draw, colors, style) {
    if (style !== 'long') {
        return;
    }
    draw.fillStyle = colors.hairDark;
    draw.beginPath();
    draw.moveTo(0, -104);
    draw.bezierCurveTo(-74, -104, -92, -46, -90, 20);
    draw.bezierCurveTo(-90, 70, -98, 100, -84, 128);
    draw.bezierCurveTo(-40, 140, 40, 140, 84, 128);
    draw.bezierCurveTo(98, 100, 90, 70, 90, 20);
    draw.bezierCurveTo(92, -46, 74, -104, 0, -104);
    draw.fill();
}

/**
 * @param {Draw} draw
 * @param {Palette} colors
 * @param {Style} style
 */
export function paintHairBefore(draw, colors, style) {
    if (style === 'long') {
        paintLong(draw, colors);
    } else if (style === 'short') {
        paintShort(draw, colors);
    }
}

/**
 * @param {Draw} draw
 * @param {Palette} colors
 */
function paintLong(draw, colors) {
    draw.fillStyle = shine(draw, colors);
    draw.beginPath(); // from a parting on the viewer's right over the brow to the left
    draw.moveTo(22, -112);
    draw.bezierCurveTo(-60, -124, -96, -70, -91, 10);
    draw.bezierCurveTo(-90, 66, -97, 96, -86, 130);
    draw.bezierCurveTo(-72, 120, -64, 92, -66, 40);
    draw.bezierCurveTo(-68, 0, -70, -20, -60, -42);
    draw.bezierCurveTo(-40, -66, -4, -72, 22, -92);
    draw.closePath();
    draw.fill();
    draw.beginPath();
    draw.moveTo(16, -111);
    draw.bezierCurveTo(70, -112, 94, -60, 91, 10);
    draw.bezierCurveTo(90, 66, 97, 96, 86, 130);
    draw.bezierCurveTo(72, 120, 64, 92, 67, 40);
    draw.bezierCurveTo(69, 0, 68, -30, 58, -48);
    draw.bezierCurveTo(48, -66, 34, -80, 18, -92);
    draw.closePath();
    draw.fill();
    strands(draw, colors, [
        [[20, -100], [-50, -98], [-80, -50], [-80, 20]], [[16, -104], [-66, -112], [-88, -40], [-86, 60]], [[18, -96], [-30, -86], [-66, -60], [-74, -10]],
        [[24, -100], [62, -92], [82, -40], [80, 30]], [[22, -106], [76, -104], [90, -40], [86, 70]],
        [[-80, 20], [-80, 60], [-86, 90], [-80, 122]], [[80, 20], [80, 60], [86, 90], [80, 122]],
    ]);
}

/**
 * @param {Draw} draw
 * @param {Palette} colors
 */
function paintShort(draw, colors) {
    draw.fillStyle = shine(draw, colors);
    draw.beginPath();
    draw.moveTo(-69, 6);
    draw.bezierCurveTo(-84, -40, -82, -96, -34, -114);
    draw.bezierCurveTo(-4, -128, 52, -122, 70, -88);
    draw.bezierCurveTo(84, -64, 80, -26, 69, 6);
    draw.bezierCurveTo(67, -14, 67, -30, 60, -46);
    draw.bezierCurveTo(50, -66, 26, -64, 6, -70);
    draw.bezierCurveTo(-22, -76, -48, -72, -58, -50);
    draw.bezierCurveTo(-66, -34, -67, -14, -69, 6);
    draw.closePath();
    draw.fill();
    strands(draw, colors, [
        [[-58, -48], [-56, -84], [-20, -104], [20, -106]], [[-40, -68], [-30, -96], [10, -106], [44, -96]], [[-8, -72], [6, -96], [40, -98], [62, -74]],
        [[20, -66], [36, -86], [58, -80], [70, -44]], [[-68, -20], [-76, -60], [-64, -92], [-30, -106]],
    ]);
}

/**
 * @param {Draw} draw
 * @param {Palette} colors
 * @param {number[][][]} curves
 */
function strands(draw, colors, curves) {
    draw.lineCap = 'round';
    curves.forEach(([from, a, b, to], i) => {
        draw.strokeStyle = clear(i % 2 === 0 ? colors.hairLight : colors.hairDark, 0.5);
        draw.lineWidth = i % 2 === 0 ? 1.6 : 2.2;
        draw.beginPath();
        draw.moveTo(from[0], from[1]);
        draw.bezierCurveTo(a[0], a[1], b[0], b[1], to[0], to[1]);
        draw.stroke();
    });
}
