// Compresses a baked head: WebP textures, quantised vertices (KHR_mesh_quantization), EXT_meshopt_compression.
// usage: node compress.mjs BAKED.glb OUT.glb
import { NodeIO } from "@gltf-transform/core";
import { EXTMeshoptCompression, EXTTextureWebP, KHRMaterialsSpecular, KHRMeshQuantization } from "@gltf-transform/extensions";
import { dedup, prune, quantize, reorder, textureCompress } from "@gltf-transform/functions";
import { MeshoptDecoder, MeshoptEncoder } from "meshoptimizer";
import sharp from "sharp";

const [input, output] = process.argv.slice(2);
await MeshoptEncoder.ready;
const io = new NodeIO()
  .registerExtensions([EXTMeshoptCompression, EXTTextureWebP, KHRMaterialsSpecular, KHRMeshQuantization])
  .registerDependencies({ "meshopt.decoder": MeshoptDecoder, "meshopt.encoder": MeshoptEncoder });
const document = await io.read(input);

// Sparse accessors are not compressed; zeros are, to nearly nothing.
for (const accessor of document.getRoot().listAccessors()) accessor.setSparse(false);
await document.transform(
  dedup(),
  prune({ keepAttributes: true }),
  reorder({ encoder: MeshoptEncoder, target: "size" }),
  // One grid for all meshes: what meets before (lips, neck and shirt) meets after.
  quantize({ quantizationVolume: "scene", quantizePosition: 16, quantizeNormal: 8, quantizeTexcoord: 14 }),
  textureCompress({ encoder: sharp, targetFormat: "webp", quality: 90, effort: 6, slots: /^(?!normal)/ }),
  textureCompress({ encoder: sharp, targetFormat: "webp", quality: 92, effort: 6, slots: /^normal/ }),
);
document.createExtension(EXTMeshoptCompression).setRequired(true)
  .setEncoderOptions({ method: EXTMeshoptCompression.EncoderMethod.QUANTIZE });
await io.write(output, document);
