/**
 * The head in front of a camera: lights, lens and a WebGL canvas that may lose its context.
 */
import {
    BackSide, Color, DirectionalLight, Mesh, MeshBasicMaterial, NeutralToneMapping, PerspectiveCamera, PlaneGeometry,
    PMREMGenerator, Scene, SphereGeometry, WebGLRenderer,
} from '../vendor/three/three.js';
import { Backdrop } from './backdrop.js';
import { LENS, frame } from './framing.js';

/** @typedef {import('./shapes.js').Face} Face */
/** @typedef {import('./head.js').Head} Head */

/** A driver that never reports completion must not block the face. */
const COMPILE_MS = 5000;

/** Draws one head. */
export class HeadScene {
    /**
     * @param {HTMLCanvasElement} canvas
     * @param {{slowToo: boolean}} options - whether a browser without a GPU is acceptable
     * @throws where there is no WebGL
     */
    constructor(canvas, { slowToo }) {
        this.canvas = canvas;
        this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: false, failIfMajorPerformanceCaveat: !slowToo });
        this.renderer.toneMapping = NeutralToneMapping;
        this.renderer.toneMappingExposure = 1;
        this.scene = new Scene();
        this.backdrop = new Backdrop();
        this.scene.add(this.backdrop.mesh);
        this.camera = new PerspectiveCamera(LENS, 1, 0.1, 10);
        /** @type {Head | null} */
        this.head = null;
        this.size = { width: 0, height: 0, covered: 0, ratio: 1 };
        this.light();
    }

    /** Whether the browser has taken the context away, for now. */
    get lost() {
        return this.renderer.getContext().isContextLost();
    }

    light() {
        // Key from the viewer's upper left, a cooler fill, a rim from behind that separates hair from background.
        const key = spot(0xfff1e2, 2.1, -0.7, 0.75, 1.25);
        const fill = spot(0xdfe8ff, 0.55, 1.2, 0.1, 1);
        const rim = spot(0xdde4ff, 2.2, 0.9, 0.7, -1);
        const rimLeft = spot(0xffe9d8, 1.1, -1.1, 0.5, -0.9);
        this.scene.add(key, fill, rim, rimLeft);
        this.surround();
    }

    /** The surroundings that eyes reflect and that fill shadows; recreated for a context that was lost. */
    surround() {
        const maker = new PMREMGenerator(this.renderer);
        const room = studio();
        this.scene.environment?.dispose();
        this.scene.environment = maker.fromScene(room, 0.03).texture;
        this.scene.environmentIntensity = 0.62;
        maker.dispose();
    }

    /**
     * Resolves when the head can be drawn without making the page wait for its shaders.
     *
     * @param {Head} head
     */
    async setHead(head) {
        this.dropHead();
        this.head = head;
        this.scene.add(head.root);
        this.aim();
        const compiled = this.renderer.compileAsync(this.scene, this.camera);
        await Promise.race([compiled, new Promise((resolve) => setTimeout(resolve, COMPILE_MS))]);
    }

    dropHead() {
        if (this.head !== null) {
            this.scene.remove(this.head.root);
            this.head.dispose();
            this.head = null;
        }
    }

    /**
     * @param {{width: number, height: number, covered: number, ratio: number}} size - CSS pixels, and device pixels per one
     */
    resize(size) {
        const { width, height, covered, ratio } = size;
        const same = Object.entries(size).every(([name, value]) => this.size[/** @type {'width'} */ (name)] === value);
        if (same || width === 0 || height === 0) {
            return;
        }
        this.size = { width, height, covered, ratio };
        this.renderer.setPixelRatio(ratio);
        this.renderer.setSize(width, height, false);
        this.aim();
    }

    aim() {
        const { width, height } = this.size;
        if (this.head === null || height === 0) {
            return;
        }
        const { distance, height: aim } = frame(this.size);
        const { eyes } = this.head;
        this.camera.aspect = width / height;
        this.camera.position.set(0, eyes.y + aim, eyes.z + distance);
        this.camera.updateProjectionMatrix();
    }

    /**
     * @param {Face} face
     * @param {number} breath
     */
    draw(face, breath) {
        if (this.head !== null && this.size.height > 0) {
            this.head.show(face, breath);
            this.renderer.render(this.scene, this.camera);
        }
    }

    dispose() {
        this.dropHead();
        this.backdrop.dispose();
        this.scene.environment?.dispose();
        this.renderer.dispose();
    }
}

/**
 * @param {number} color
 * @param {number} strength
 * @param {number} x
 * @param {number} y
 * @param {number} z
 * @returns {DirectionalLight}
 */
function spot(color, strength, x, y, z) {
    const light = new DirectionalLight(color, strength);
    light.position.set(x, y, z);
    return light;
}

/**
 * A room of soft boxes.
 *
 * @returns {Scene}
 */
function studio() {
    const room = new Scene();
    room.background = new Color(0x50545e);
    room.add(new Mesh(new SphereGeometry(8, 16, 8), new MeshBasicMaterial({ color: 0x565b66, side: BackSide })));
    for (const [x, y, z, width, height, strength] of [
        [-3, 3, 3.5, 2.4, 2.4, 7], // key
        [4, 1, 3, 2.2, 3, 1.6],
        [0, 6, 0, 6, 6, 1.8], // ceiling
        [3, 2, -4, 2, 3, 4],
    ]) {
        const box = new Mesh(new PlaneGeometry(width, height), new MeshBasicMaterial());
        box.material.color.setScalar(strength);
        box.position.set(x, y, z);
        box.lookAt(0, 0, 0);
        room.add(box);
    }
    return room;
}
