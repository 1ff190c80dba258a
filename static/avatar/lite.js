/**
 * The face as a drawing on a 2D canvas, for devices without a GPU and while a head loads: with the head's weights and
 * position, in the person's colours.
 */
import { context } from '../canvas.js';
import { palette } from './colors.js';
import { LENS, frame } from './framing.js';
import { paintEars, paintFaceBase, paintNeck, paintNose, paintShoulders } from './lite-body.js';
import { paintBrows, paintEyes } from './lite-eyes.js';
import { paintHairBefore, paintHairBehind } from './lite-hair.js';
import { paintMouth } from './lite-mouth.js';
import { shape } from './shapes.js';

/** @typedef {import('./shapes.js').Face} Face */
/** @typedef {import('./people.js').Person} Person */

const DEGREE = Math.PI / 180;
/** Millimetres that features move as the head turns, by how far they are from its axis. */
const FRONT = 82;
const BACK = -60;
/** The axis of a nod, below the eyes. */
const AXIS_Y = 40;

/** Draws one person. */
export class LiteFace {
    /** @param {HTMLCanvasElement} canvas */
    constructor(canvas) {
        this.canvas = canvas;
        this.draw2d = context(canvas);
        this.colors = palette({});
        /** @type {Required<import('./people.js').Look>} */
        this.look = { hair: 'short', brows: 6, broad: 1 };
        this.size = { width: 0, height: 0, covered: 0, ratio: 1 };
    }

    /** @param {Person} person */
    setPerson({ colors, look }) {
        this.colors = palette(colors ?? {});
        this.look = { hair: look?.hair ?? 'short', brows: look?.brows ?? 6, broad: look?.broad ?? 1 };
    }

    /** @param {{width: number, height: number, covered: number, ratio: number}} size */
    resize(size) {
        this.size = size;
        const width = Math.round(size.width * size.ratio);
        const height = Math.round(size.height * size.ratio);
        if (this.canvas.width !== width || this.canvas.height !== height) {
            this.canvas.width = width;
            this.canvas.height = height;
        }
    }

    /**
     * @param {Face} face
     * @param {number} breath
     */
    draw(face, breath) {
        const { width, height, ratio } = this.size;
        if (width === 0 || height === 0) {
            return;
        }
        const { draw2d: draw, colors, look } = this;
        const { distance, height: aim } = frame(this.size);
        const scale = (height * ratio) / (2 * distance * Math.tan((LENS * Math.PI) / 360)) / 1000; // device pixels per mm
        draw.setTransform(1, 0, 0, 1, 0, 0);
        draw.clearRect(0, 0, this.canvas.width, this.canvas.height);
        draw.setTransform(scale, 0, 0, scale, (width * ratio) / 2, (height * ratio) / 2 + aim * 1000 * scale);

        const yaw = Math.sin(face.yaw * DEGREE);
        const pitch = Math.sin(face.pitch * DEGREE);
        const form = { puff: 5 * face.weights[shape('cheekPuff')], broad: look.broad };
        const move = (/** @type {number} */ depth) => ({ x: yaw * depth, y: pitch * depth });

        this.tilted(face, move(BACK * 0.5), () => paintHairBehind(draw, colors, look.hair));
        paintNeck(draw, colors, { x: yaw * 30, y: 96 + pitch * 40 }, look.broad);
        paintShoulders(draw, colors, breath);
        this.tilted(face, move(10), () => paintEars(draw, colors, look.broad));
        this.tilted(face, move(38), () => paintFaceBase(draw, face.weights, colors, form));
        this.tilted(face, move(FRONT * 0.72), () => {
            paintEyes(draw, face.weights, colors);
            paintBrows(draw, face.weights, colors, look.brows);
        });
        this.tilted(face, move(FRONT * 0.78), () => {
            paintNose(draw, face.weights, colors, yaw * 22);
            paintMouth(draw, face.weights, colors);
        });
        this.tilted(face, move(30), () => paintHairBefore(draw, colors, look.hair));
    }

    /**
     * Draws a part of the head where the head's turn moves it.
     *
     * @param {Face} face
     * @param {{x: number, y: number}} by
     * @param {() => void} paint
     */
    tilted(face, { x, y }, paint) {
        const { draw2d: draw } = this;
        draw.save();
        draw.translate(0, 110);
        draw.rotate(face.roll * DEGREE); // canvas angles run clockwise: to the viewer's right, the character's left
        draw.translate(x, y - 110);
        draw.translate(0, AXIS_Y);
        draw.scale(1 - 0.06 * Math.abs(Math.sin(face.yaw * DEGREE)), 1 - 0.05 * Math.abs(Math.sin(face.pitch * DEGREE)));
        draw.translate(0, -AXIS_Y);
        paint();
        draw.restore();
    }

    dispose() {
        this.canvas.width = 0;
    }
}
