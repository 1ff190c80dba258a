/**
 * Makes skin look like skin and hair like hair, for a few instructions per pixel.
 */
import { ShaderChunk } from '../vendor/three/three.js';

/** @typedef {import('../vendor/three/three.js').MeshStandardMaterial} Material */
/** @typedef {import('../vendor/three/three.js').Mesh} Mesh */

const HARD = 'reflectedLight.directDiffuse += irradiance *';
/** Light wraps around the edge of the shadow, red farthest: it travels under the skin. */
const SOFT = `vec3 under = vec3( 0.3, 0.13, 0.08 );
	vec3 soft = saturate( ( dot( geometryNormal, directLight.direction ) + under ) / ( 1.0 + under ) ) * directLight.color;
	reflectedLight.directDiffuse += soft *`;

/** @param {Material} material */
export function finishSkin(material) {
    if (material.name !== 'skin' || !ShaderChunk.lights_physical_pars_fragment.includes(HARD)) {
        return;
    }
    material.onBeforeCompile = (shader) => {
        const lights = ShaderChunk.lights_physical_pars_fragment.replace(HARD, SOFT);
        shader.fragmentShader = shader.fragmentShader.replace('#include <lights_physical_pars_fragment>', lights);
    };
    material.customProgramCacheKey = () => 'skin';
}

/**
 * Gives strands soft ends, by partial coverage of a pixel instead of all or nothing.
 *
 * @param {Mesh} mesh
 */
export function finishHair(mesh) {
    const material = /** @type {Material} */ (mesh.material);
    if (material.name === 'hair' && material.alphaTest > 0) {
        material.alphaToCoverage = true;
        material.alphaTest = 0.2;
    }
    if (material.name === 'lash') {
        material.depthWrite = false;
        mesh.renderOrder = 1;
    }
}
