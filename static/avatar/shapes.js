/**
 * The 52 blend shapes by name, in the order of docs/avatar.md, and a face made of them. Pure.
 */

/** The ARKit names; left is the character's left. */
export const SHAPES = Object.freeze([
    'eyeBlinkLeft', 'eyeLookDownLeft', 'eyeLookInLeft', 'eyeLookOutLeft', 'eyeLookUpLeft', 'eyeSquintLeft', 'eyeWideLeft',
    'eyeBlinkRight', 'eyeLookDownRight', 'eyeLookInRight', 'eyeLookOutRight', 'eyeLookUpRight', 'eyeSquintRight', 'eyeWideRight',
    'jawForward', 'jawLeft', 'jawRight', 'jawOpen',
    'mouthClose', 'mouthFunnel', 'mouthPucker', 'mouthLeft', 'mouthRight', 'mouthSmileLeft', 'mouthSmileRight',
    'mouthFrownLeft', 'mouthFrownRight', 'mouthDimpleLeft', 'mouthDimpleRight', 'mouthStretchLeft', 'mouthStretchRight',
    'mouthRollLower', 'mouthRollUpper', 'mouthShrugLower', 'mouthShrugUpper', 'mouthPressLeft', 'mouthPressRight',
    'mouthLowerDownLeft', 'mouthLowerDownRight', 'mouthUpperUpLeft', 'mouthUpperUpRight',
    'browDownLeft', 'browDownRight', 'browInnerUp', 'browOuterUpLeft', 'browOuterUpRight',
    'cheekPuff', 'cheekSquintLeft', 'cheekSquintRight', 'noseSneerLeft', 'noseSneerRight', 'tongueOut',
]);

/** @type {ReadonlyMap<string, number>} */
export const INDEX = new Map(SHAPES.map((name, i) => [name, i]));

/**
 * @param {string} name - one of SHAPES
 * @returns {number}
 */
export function shape(name) {
    const index = INDEX.get(name);
    if (index === undefined) {
        throw new Error(`${name} is not one of the 52 shapes`);
    }
    return index;
}

/** Which of the shapes make speech visible: those of lips, jaw and tongue. */
export const OF_MOUTH = SHAPES.map((name) => /^(jaw|mouth|tongue|cheekPuff)/.test(name));

/** Which of them move the eyes and their lids. */
export const OF_EYES = SHAPES.map((name) => /^eye(Blink|Look)/.test(name));

/**
 * A whole face at one moment; angles in degrees: turned to the character's left, nodded down, tilted to its left shoulder.
 *
 * @typedef {Object} Face
 * @property {Float32Array} weights - 52, 0 to 1
 * @property {number} yaw
 * @property {number} pitch
 * @property {number} roll
 */

/** @returns {Face} */
export function emptyFace() {
    return { weights: new Float32Array(SHAPES.length), yaw: 0, pitch: 0, roll: 0 };
}

/**
 * Adds a layer of expressions.json.
 *
 * @param {Face} face
 * @param {Layer} layer
 * @param {number} share
 */
export function addLayer(face, layer, share) {
    for (const [name, weight] of Object.entries(layer.weights ?? {})) {
        const index = INDEX.get(name);
        if (index !== undefined) {
            face.weights[index] += weight * share;
        }
    }
    face.yaw += (layer.yaw ?? 0) * share;
    face.pitch += (layer.pitch ?? 0) * share;
    face.roll += (layer.roll ?? 0) * share;
}

/**
 * @typedef {Object} Layer
 * @property {Record<string, number>} [weights]
 * @property {number} [yaw]
 * @property {number} [pitch]
 * @property {number} [roll]
 */

/**
 * @param {number} x
 * @returns {number} 0 to 1, without a jerk at either end
 */
export function smoothstep(x) {
    const t = Math.min(1, Math.max(0, x));
    return t * t * (3 - 2 * t);
}
