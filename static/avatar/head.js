/**
 * A head from a glTF file: which of the 52 shapes it has, and how it shows a face.
 */
import { Box3, GLTFLoader, Mesh, MeshStandardMaterial, MeshoptDecoder, Texture, Vector3 } from '../vendor/three/three.js';
import { SHAPES } from './shapes.js';
import { finishHair, finishSkin } from './skin.js';

/** The neck takes part of the head's motion. */
const NECK_SHARE = 0.35;
const DEGREE = Math.PI / 180;

/** @typedef {import('./shapes.js').Face} Face */
/** @typedef {import('../vendor/three/three.js').Object3D} Object3D */
/** @typedef {import('../vendor/three/three.js').Bone} Bone */

/** A head in a scene. */
export class Head {
    /** @param {Object3D} root */
    constructor(root) {
        this.root = root;
        this.neck = root.getObjectByName('neck');
        this.skull = root.getObjectByName('head');
        this.chest = root.getObjectByName('chest');
        this.chestAt = this.chest?.position.clone();
        /** Per shape: the meshes that have it, and where. @type {{influences: number[], at: number}[][]} */
        this.targets = SHAPES.map(() => []);
        /** @type {Mesh[]} */
        this.meshes = [];
        root.traverse((node) => {
            if (node instanceof Mesh) {
                this.meshes.push(node);
                this.adopt(node);
            }
        });
        /** The shapes that this head lacks. */
        this.missing = SHAPES.filter((_, i) => this.targets[i].length === 0);
        this.eyes = this.findEyes();
    }

    /** @param {Mesh} mesh */
    adopt(mesh) {
        mesh.frustumCulled = false; // morphs and joints move it beyond the bounds in the file
        for (const [i, name] of SHAPES.entries()) {
            const at = mesh.morphTargetDictionary?.[name];
            if (at !== undefined && mesh.morphTargetInfluences !== undefined) {
                this.targets[i].push({ influences: mesh.morphTargetInfluences, at });
            }
        }
        if (mesh.material instanceof MeshStandardMaterial) {
            finishSkin(mesh.material);
            finishHair(mesh);
        }
    }

    /**
     * The point between the eyes, at which the camera aims.
     *
     * @returns {Vector3}
     */
    findEyes() {
        this.root.updateMatrixWorld(true);
        const box = new Box3();
        const point = new Vector3();
        for (const eye of this.meshes.filter((mesh) => /eye(left|right)/i.test(mesh.name))) {
            const { count } = eye.geometry.attributes.position;
            for (let i = 0; i < count; i += 8) {
                box.expandByPoint(eye.getVertexPosition(i, point).applyMatrix4(eye.matrixWorld)); // joints and quantisation included
            }
        }
        if (!box.isEmpty()) {
            return box.getCenter(point);
        }
        this.skull?.getWorldPosition(point);
        return point.add(new Vector3(0, 0.036, 0.07));
    }

    /**
     * @param {Face} face
     * @param {number} breath - -1 to 1
     */
    show(face, breath) {
        for (let i = 0; i < this.targets.length; i++) {
            for (const { influences, at } of this.targets[i]) {
                influences[at] = face.weights[i];
            }
        }
        turn(this.neck, face, NECK_SHARE);
        turn(this.skull, face, this.neck ? 1 - NECK_SHARE : 1);
        if (this.chest && this.chestAt) {
            this.chest.position.y = this.chestAt.y + breath * 0.0008;
            this.chest.position.z = this.chestAt.z + breath * 0.0006;
        }
    }

    dispose() {
        for (const mesh of this.meshes) {
            mesh.geometry.dispose();
            for (const material of [mesh.material].flat()) {
                Object.values(material).forEach((value) => value instanceof Texture && value.dispose());
                material.dispose();
            }
        }
    }
}

/**
 * @param {Object3D | undefined} joint
 * @param {Face} face
 * @param {number} share
 */
function turn(joint, { yaw, pitch, roll }, share) {
    joint?.rotation.set(pitch * share * DEGREE, yaw * share * DEGREE, -roll * share * DEGREE, 'YXZ');
}

/**
 * @param {ArrayBuffer} file
 * @returns {Promise<Head>}
 */
export async function parseHead(file) {
    const loader = new GLTFLoader();
    loader.setMeshoptDecoder(MeshoptDecoder);
    loader.register((parser) => {
        // Loading images by blob: addresses would need a laxer Content-Security-Policy.
        parser.loadImageSource = (/** @type {number} */ index) => decodeImage(parser, index);
        return { name: 'images-without-addresses' };
    });
    const { scene } = await loader.parseAsync(file, '');
    return new Head(scene);
}

/**
 * @param {any} parser
 * @param {number} index
 * @returns {Promise<Texture>}
 */
async function decodeImage(parser, index) {
    const { bufferView, mimeType } = parser.json.images[index];
    if (bufferView === undefined) {
        throw new Error('the head keeps an image in a separate file: save it as one .glb');
    }
    const bytes = await parser.getDependency('bufferView', bufferView);
    const bitmap = await createImageBitmap(new Blob([bytes], { type: mimeType }), { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
    const texture = new Texture(/** @type {any} */ (bitmap));
    texture.needsUpdate = true;
    return texture;
}

