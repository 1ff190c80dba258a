// For the type checker alone; made by scripts/vendor-three.sh.
export * from 'three';
export { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';
export declare const MeshoptDecoder: typeof import('meshoptimizer').MeshoptDecoder;
