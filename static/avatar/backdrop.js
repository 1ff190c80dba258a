/**
 * The backdrop behind the head: the page's own, drawn again. The canvas is opaque, as soft ends of hair would otherwise let
 * the page shine through the head behind them.
 */
import { Mesh, PlaneGeometry, ShaderMaterial, Vector3 } from '../vendor/three/three.js';

const VERTEX = `varying vec2 at;
void main() {
    at = vec2( 0.5 + 0.5 * position.x, 0.5 - 0.5 * position.y );
    gl_Position = vec4( position.xy, 1.0, 1.0 );
}`;
/** As in avatar.css: radial-gradient(95% 75% at 50% 34%, near, far). */
const FRAGMENT = `uniform vec3 near;
uniform vec3 far;
varying vec2 at;
void main() {
    float away = length( ( at - vec2( 0.5, 0.34 ) ) / vec2( 0.95, 0.75 ) );
    gl_FragColor = vec4( mix( near, far, clamp( away, 0.0, 1.0 ) ), 1.0 );
}`;

export class Backdrop {
    constructor() {
        const uniforms = { near: { value: new Vector3() }, far: { value: new Vector3() } };
        this.material = new ShaderMaterial({ uniforms, vertexShader: VERTEX, fragmentShader: FRAGMENT, depthTest: false, depthWrite: false, toneMapped: false });
        this.mesh = new Mesh(new PlaneGeometry(2, 2), this.material);
        this.mesh.frustumCulled = false;
        this.mesh.renderOrder = -1;
    }

    /**
     * Takes the page's current colours, of its light or dark scheme.
     *
     * @param {HTMLElement} place
     */
    match(place) {
        const style = getComputedStyle(place);
        for (const name of /** @type {const} */ (['near', 'far'])) {
            const value = Number.parseInt(style.getPropertyValue(`--backdrop-${name}`).trim().slice(1), 16) || 0;
            this.material.uniforms[name].value.set(value >> 16, (value >> 8) & 255, value & 255).divideScalar(255);
        }
    }

    dispose() {
        this.mesh.geometry.dispose();
        this.material.dispose();
    }
}
