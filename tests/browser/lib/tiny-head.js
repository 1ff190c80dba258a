/**
 * A head of one triangle: the smallest glTF file with blend shapes.
 */

/**
 * @param {string[]} shapes - blend shapes that it has
 * @returns {Buffer} a .glb
 */
export function tinyHead(shapes) {
    const positions = Float32Array.from([-0.1, -0.1, 0, 0.1, -0.1, 0, 0, 0.1, 0]);
    const moved = Float32Array.from([0, -0.02, 0, 0, -0.02, 0, 0, 0, 0]);
    const binary = Buffer.concat([positions, moved].map((values) => Buffer.from(values.buffer)));
    const accessor = (/** @type {number} */ view) => ({ bufferView: view, componentType: 5126, count: 3, type: 'VEC3', min: [-1, -1, -1], max: [1, 1, 1] });
    const json = {
        asset: { version: '2.0' },
        scene: 0,
        scenes: [{ nodes: [0] }],
        nodes: [{ name: 'head', mesh: 0 }],
        meshes: [{ primitives: [{ attributes: { POSITION: 0 }, targets: shapes.map(() => ({ POSITION: 1 })) }], extras: { targetNames: shapes } }],
        accessors: [accessor(0), accessor(1)],
        bufferViews: [{ buffer: 0, byteOffset: 0, byteLength: 36 }, { buffer: 0, byteOffset: 36, byteLength: 36 }],
        buffers: [{ byteLength: 72 }],
    };
    const text = Buffer.from(JSON.stringify(json));
    const padded = Buffer.concat([text, Buffer.alloc((4 - (text.length % 4)) % 4, ' ')]);
    return Buffer.concat([words(0x46546c67, 2, 28 + padded.length + 72), words(padded.length, 0x4e4f534a), padded, words(72, 0x004e4942), binary]);
}

/** @param {...number} values */
function words(...values) {
    return Buffer.from(Uint32Array.from(values).buffer);
}
