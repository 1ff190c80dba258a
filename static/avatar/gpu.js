/**
 * Whether a head can be drawn without slowing down the call.
 */

/** Software renderers: a frame takes seconds there, and the call would wait for it. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render|swrast/i;

/** @returns {boolean} */
export function hasGpu() {
    const gl = document.createElement('canvas').getContext('webgl2', { failIfMajorPerformanceCaveat: true });
    if (gl === null) {
        return false;
    }
    const info = gl.getExtension('WEBGL_debug_renderer_info');
    const name = String(gl.getParameter(info?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER));
    gl.getExtension('WEBGL_lose_context')?.loseContext();
    return !SOFTWARE.test(name);
}
