// A photo studio: loads a head, sets its shapes, and takes pictures of it. Driven from outside through `window.studio`.
import * as THREE from "three";
import { RoomEnvironment } from "three/addons/environments/RoomEnvironment.js";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { MeshoptDecoder } from "three/addons/libs/meshopt_decoder.module.js";

const renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
renderer.toneMapping = THREE.ACESFilmicToneMapping;
document.body.append(renderer.domElement);
const scene = new THREE.Scene();
scene.background = new THREE.Color(0x2b313b);
const room = new THREE.PMREMGenerator(renderer);
scene.environment = room.fromScene(new RoomEnvironment(), 0.04).texture;
scene.environmentIntensity = 0.55;
for (const [colour, strength, x, y, z] of [
  [0xfff1e2, 2.2, 1.2, 1.6, 2.2],
  [0xcfe0ff, 0.7, -2, 0.6, 1.2],
  [0xffffff, 1.4, -0.8, 1.8, -2],
]) {
  const light = new THREE.DirectionalLight(colour, strength);
  light.position.set(x, y, z);
  scene.add(light);
}
const camera = new THREE.PerspectiveCamera(22, 1, 0.05, 5);
let head = null;

async function load(url) {
  if (head) scene.remove(head);
  const loader = new GLTFLoader().setMeshoptDecoder(MeshoptDecoder);
  const bytes = await (await fetch(url)).arrayBuffer();
  const began = performance.now();
  head = (await loader.parseAsync(bytes, "")).scene;
  const parsed = performance.now() - began;
  scene.add(head);
  return { parsed, meshes: meshes().map((mesh) => mesh.name) };
}

const meshes = () => {
  const found = [];
  head.traverse((node) => { if (node.isMesh) found.push(node); });
  return found;
};

function shape(weights) {
  for (const mesh of meshes()) {
    for (const [name, at] of Object.entries(mesh.morphTargetDictionary ?? {})) {
      mesh.morphTargetInfluences[at] = weights[name] ?? 0;
    }
  }
}

// Degrees as in docs/avatar.md: to the character's left, down, and towards its left shoulder; the neck takes its share.
function hold({ yaw = 0, pitch = 0, roll = 0 }) {
  const turn = [pitch, yaw, -roll].map(THREE.MathUtils.degToRad);
  for (const [joint, share] of [["neck", 0.35], ["head", 0.65]]) {
    head.getObjectByName(joint)?.rotation.set(...turn.map((angle) => angle * share), "YXZ");
  }
}

// `yaw`: degrees around the head from its front; `pitch`: from above. `at`: what is looked at, metres from the head joint.
function picture({ size = 800, yaw = 0, pitch = 0, at = [0, 0.04, 0.02], distance = 1.15, pose = {}, hide = [] }) {
  renderer.setSize(size, size, false);
  const target = new THREE.Vector3(...at);
  const around = new THREE.Euler(THREE.MathUtils.degToRad(-pitch), THREE.MathUtils.degToRad(yaw), 0, "YXZ");
  camera.position.set(0, 0, distance).applyEuler(around).add(target);
  camera.lookAt(target);
  hold(pose);
  for (const mesh of meshes()) mesh.visible = !hide.includes(mesh.name);
  renderer.render(scene, camera);
  return renderer.domElement.toDataURL("image/png");
}

// Where the eyes are, metres over the head joint.
function measure() {
  const box = new THREE.Box3().setFromObject(head.getObjectByName("eyeLeft"));
  return { eyes: (box.min.y + box.max.y) / 2 };
}

window.studio = { load, measure, shape, picture };
