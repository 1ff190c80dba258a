#!/usr/bin/env bash
# Makes static/vendor/three/three.js: what the face uses of three.js and the decoder of meshoptimizer, in one module,
# so that the page needs no build step, no import map and no WebAssembly. To take newer versions change the numbers
# here, run it, and give @types/three in tests/browser the same number.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

three=0.187.0
meshoptimizer=1.3.0
esbuild=0.28.2

target=$PWD/static/vendor/three
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund "three@$three" "meshoptimizer@$meshoptimizer" "esbuild@$esbuild"

cat >entry.js <<'EOT'
export {
    ACESFilmicToneMapping, AgXToneMapping, BackSide, Bone, Box3, BufferGeometry, Color, DirectionalLight,
    Group, HemisphereLight, Mesh, MeshBasicMaterial, MeshStandardMaterial,
    NeutralToneMapping, Object3D, PerspectiveCamera, PlaneGeometry, PMREMGenerator, SRGBColorSpace,
    Scene, ShaderChunk, ShaderMaterial, SkinnedMesh, SphereGeometry, Texture, Vector3, WebGLRenderer,
} from 'three';
export { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';
// Plain JavaScript: two to three times slower than its WebAssembly sister, still under 0.1 s for a head, and pages that forbid
// WebAssembly (`script-src 'self'`) can use it.
export { MeshoptDecoder } from './node_modules/meshoptimizer/meshopt_decoder_reference.js';
EOT
npx esbuild entry.js --bundle --format=esm --minify --target=es2022 --legal-comments=none \
  --banner:js="// three.js $three and the decoder of meshoptimizer $meshoptimizer, both MIT: see LICENSE. Made by scripts/vendor-three.sh." \
  --outfile="$target/three.js"
cat >"$target/three.d.ts" <<'EOT'
// For the type checker alone; made by scripts/vendor-three.sh.
export * from 'three';
export { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';
export declare const MeshoptDecoder: typeof import('meshoptimizer').MeshoptDecoder;
EOT
{
  echo "three.js $three"; echo; cat node_modules/three/LICENSE
  echo; echo "meshoptimizer $meshoptimizer, meshopt_decoder_reference.js by Jasper St. Pierre"; echo; cat node_modules/meshoptimizer/LICENSE.md
} >"$target/LICENSE"
