/**
 * Stands for the agent when no face is wanted: an orb with eyes and a mouth. It listens with rings that follow the microphone, thinks
 * with circling dots, and speaks with a mouth and a body that follow the response's level.
 */
import { graded } from './canvas.js';
import { Needle } from './levels.js';

const FRAME_MS = 1000 / 40;

/** @typedef {import('./session.js').State} State */

/**
 * How a state looks, apart from its colour; every value is approached smoothly.
 *
 * @typedef {Object} Pose
 * @property {number} open - eyes: 0 closed, 1 open
 * @property {number} lookX
 * @property {number} lookY
 * @property {number} smile - curve of the closed mouth
 * @property {number} glow
 * @property {number} dots - how visible the circling dots are
 */

/** @type {Record<State, Pose>} */
const POSES = {
    idle: { open: 0.92, lookX: 0, lookY: 0, smile: 0.75, glow: 0.55, dots: 0 },
    connecting: { open: 0.85, lookX: 0, lookY: -0.1, smile: 0.35, glow: 0.6, dots: 1 },
    listening: { open: 1.08, lookX: 0, lookY: 0, smile: 0.6, glow: 0.9, dots: 0 },
    thinking: { open: 0.8, lookX: 0.5, lookY: -0.75, smile: 0.15, glow: 0.75, dots: 1 },
    speaking: { open: 1, lookX: 0, lookY: 0, smile: 0.5, glow: 1, dots: 0 },
    reconnecting: { open: 0.45, lookX: 0, lookY: 0.2, smile: 0.2, glow: 0.35, dots: 0 },
    ended: { open: 0, lookX: 0, lookY: 0.15, smile: 0.6, glow: 0.3, dots: 0 },
};

/**
 * @param {string} color - #rrggbb
 * @returns {number[]}
 */
function parseColor(color) {
    const value = Number.parseInt(color.trim().slice(1), 16);
    return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** The colour of shadows: a deep blue, as black would look dull. */
const SHADOW = [26, 18, 92];

/**
 * @param {number[]} rgb
 * @param {number} alpha
 * @param {number} [shade] - below 0 towards the shadow, above 0 towards white
 * @returns {string}
 */
function rgba(rgb, alpha, shade = 0) {
    const mixed = rgb.map((channel, i) => {
        const goal = shade < 0 ? SHADOW[i] : 255;
        return Math.round(channel + (goal - channel) * Math.abs(shade));
    });
    return `rgba(${mixed.join(',')},${alpha})`;
}

/** Draws the face on a canvas, for as long as the page is visible. */
export class Orb {
    /**
     * @param {HTMLCanvasElement} canvas
     * @param {() => {mic: number, answer: number}} levels - 0 to 1, perceived loudness
     */
    constructor(canvas, levels) {
        this.canvas = canvas;
        this.draw = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
        this.levels = levels;
        /** @type {State} */
        this.state = 'idle';
        this.muted = false;
        this.pose = { ...POSES.idle };
        this.color = [90, 95, 238];
        this.mic = new Needle(30, 220);
        this.answer = new Needle(25, 110);
        this.blinkAt = 2500;
        this.last = 0;
        this.still = matchMedia('(prefers-reduced-motion: reduce)');
        requestAnimationFrame((now) => this.frame(now));
    }

    /** @param {number} now */
    frame(now) {
        requestAnimationFrame((next) => this.frame(next));
        const elapsed = now - this.last;
        if (elapsed < FRAME_MS || this.canvas.clientWidth === 0) {
            return; // not due, or hidden
        }
        this.last = now;
        this.follow(now, Math.min(elapsed, 100));
        this.paint(now);
    }

    /**
     * @param {number} now
     * @param {number} elapsed
     */
    follow(now, elapsed) {
        const { mic, answer } = this.levels();
        this.mic.follow(this.state === 'listening' && !this.muted ? mic : 0, elapsed);
        this.answer.follow(answer, elapsed);
        const ease = 1 - Math.exp(-elapsed / 160);
        const goal = { ...POSES[this.state] };
        if (!this.still.matches) {
            if (this.state === 'idle' || this.state === 'listening') {
                goal.lookX += 0.22 * Math.sin(now / 2900) * Math.sin(now / 1100);
                goal.lookY += 0.12 * Math.sin(now / 3700);
            }
            goal.open *= this.blink(now);
        }
        for (const key of /** @type {(keyof Pose)[]} */ (Object.keys(goal))) {
            const quick = key === 'open' ? 1 - Math.exp(-elapsed / 35) : ease;
            this.pose[key] += (goal[key] - this.pose[key]) * quick;
        }
        const wanted = parseColor(getComputedStyle(this.canvas).getPropertyValue('--state-color') || '#5a5fee');
        this.color = this.color.map((channel, i) => channel + (wanted[i] - channel) * ease);
    }

    /**
     * @param {number} now
     * @returns {number}
     */
    blink(now) {
        if (now > this.blinkAt + 130) {
            this.blinkAt = now + 1800 + Math.random() * 4200;
        }
        return now >= this.blinkAt ? 0.08 : 1;
    }

    /** @param {number} now */
    paint(now) {
        const { canvas, draw } = this;
        const scale = Math.min(2, devicePixelRatio || 1);
        const size = Math.round(canvas.clientWidth * scale);
        if (size === 0) {
            return;
        }
        if (canvas.width !== size) {
            canvas.width = size;
            canvas.height = size;
        }
        draw.setTransform(size / 2, 0, 0, size / 2, size / 2, size / 2); // -1 to 1, the orb's radius about 0.6
        draw.clearRect(-1, -1, 2, 2);
        const time = this.still.matches ? 0 : now / 1000;
        const breath = 1 + 0.012 * Math.sin(time * 1.7);
        const radius = 0.56 * breath * (1 + 0.07 * this.answer.value);
        this.paintGlow(radius);
        this.paintRings(radius);
        this.paintBody(radius, time);
        this.paintDots(radius, time);
        this.paintFace(radius);
    }

    /** @param {number} radius */
    paintGlow(radius) {
        const { draw, color } = this;
        const reach = Math.min(1, radius * (1.5 + 0.2 * this.answer.value));
        const strength = this.pose.glow * (0.3 + 0.25 * this.answer.value);
        draw.fillStyle = graded(draw.createRadialGradient(0, 0, radius * 0.75, 0, 0, reach), {
            0: rgba(color, strength), 0.45: rgba(color, strength * 0.3), 1: rgba(color, 0),
        });
        draw.fillRect(-1, -1, 2, 2);
    }

    /**
     * The person's voice, as rings around the orb.
     *
     * @param {number} radius
     */
    paintRings(radius) {
        const { draw, color } = this;
        const level = this.mic.value;
        for (let ring = 1; ring <= 3; ring++) {
            const alpha = Math.max(0, level * 0.75 - (ring - 1) * 0.2);
            if (alpha < 0.02) {
                continue;
            }
            draw.beginPath();
            draw.arc(0, 0, radius + 0.035 + ring * (0.03 + 0.075 * level), 0, Math.PI * 2);
            draw.strokeStyle = rgba(color, alpha);
            draw.lineWidth = 0.014;
            draw.stroke();
        }
    }

    /**
     * @param {number} radius
     * @param {number} time
     */
    paintBody(radius, time) {
        const { draw, color } = this;
        const swing = 0.006 + 0.035 * this.answer.value;
        draw.beginPath();
        for (let step = 0; step <= 72; step++) {
            const angle = (step / 72) * Math.PI * 2;
            const wave = Math.sin(angle * 2 + time * 1.3) + 0.7 * Math.sin(angle * 3 - time * 1.9)
                + 0.4 * Math.sin(angle * 5 + time * 2.6);
            const r = radius * (1 + swing * wave * 0.5);
            draw.lineTo(Math.cos(angle) * r, Math.sin(angle) * r);
        }
        draw.closePath();
        draw.fillStyle = graded(draw.createRadialGradient(-radius * 0.35, -radius * 0.45, radius * 0.05, 0, 0, radius * 1.08), {
            0: rgba(color, 1, 0.55), 0.4: rgba(color, 1, 0.14), 0.75: rgba(color, 1, -0.08), 1: rgba(color, 1, -0.4),
        });
        draw.fill();
        // Light reflected from below makes the ball look round.
        draw.fillStyle = graded(draw.createRadialGradient(0, -radius * 0.18, radius * 0.8, 0, -radius * 0.1, radius * 1.14), {
            0: rgba(color, 0), 1: rgba(color, 0.75, 0.25),
        });
        draw.fill();
    }

    /**
     * @param {number} radius
     * @param {number} time
     */
    paintDots(radius, time) {
        const { draw, color, pose } = this;
        if (pose.dots < 0.02) {
            return;
        }
        for (let dot = 0; dot < 3; dot++) {
            const angle = time * 2.1 - dot * 0.36 - Math.PI / 3;
            draw.beginPath();
            draw.arc(Math.cos(angle) * (radius + 0.15), Math.sin(angle) * (radius + 0.15), 0.036 - dot * 0.007, 0, Math.PI * 2);
            draw.fillStyle = rgba(color, pose.dots * (1 - dot * 0.25));
            draw.fill();
        }
    }

    /** @param {number} radius */
    paintFace(radius) {
        const { draw, pose } = this;
        const x = pose.lookX * radius * 0.14;
        const y = pose.lookY * radius * 0.16 - radius * 0.06;
        draw.fillStyle = 'rgba(255,255,255,0.97)';
        draw.strokeStyle = 'rgba(255,255,255,0.97)';
        draw.lineCap = 'round';
        for (const side of [-1, 1]) {
            this.paintEye(x + side * radius * 0.26, y, radius);
        }
        const open = this.state === 'speaking' ? this.answer.value : 0;
        this.paintMouth(x * 0.8, y + radius * 0.42, radius, open);
    }

    /**
     * @param {number} x
     * @param {number} y
     * @param {number} radius
     */
    paintEye(x, y, radius) {
        const { draw, pose } = this;
        const width = radius * 0.15;
        if (pose.open < 0.06 && this.state === 'ended') {
            draw.beginPath();
            draw.arc(x, y - width * 0.2, width * 0.85, Math.PI * 0.15, Math.PI * 0.85);
            draw.lineWidth = radius * 0.05;
            draw.stroke();
            return;
        }
        const height = Math.max(width * 0.32, radius * 0.34 * pose.open);
        draw.beginPath();
        draw.roundRect(x - width / 2, y - height / 2, width, height, Math.min(width, height) / 2);
        draw.fill();
    }

    /**
     * @param {number} x
     * @param {number} y
     * @param {number} radius
     * @param {number} open - 0 to 1
     */
    paintMouth(x, y, radius, open) {
        const { draw, pose, color } = this;
        if (open < 0.1) {
            const half = radius * 0.15;
            draw.beginPath();
            draw.moveTo(x - half, y);
            draw.quadraticCurveTo(x, y + radius * 0.16 * pose.smile, x + half, y);
            draw.lineWidth = radius * 0.05;
            draw.stroke();
            return;
        }
        const width = radius * (0.3 - 0.06 * open);
        const height = radius * (0.06 + 0.26 * open);
        draw.beginPath();
        draw.roundRect(x - width / 2, y - height * 0.35, width, height, Math.min(width, height) / 2);
        draw.fillStyle = rgba(color, 1, -0.72);
        draw.fill();
        draw.lineWidth = radius * 0.04;
        draw.stroke();
    }
}
