"""Writes parts, materials and textures as glTF binary: metres, the origin at the head joint, joints chest, neck, head."""
import json
import struct

import numpy as np

from .mesh import normals
from .shapes import ARKIT

METRES = 0.1
FLOAT, BYTE, SHORT, INT = 5126, 5121, 5123, 5125
COPYRIGHT = "CC0-1.0; MakeHuman hm08/MPFB2 base mesh and targets (CC0), face units by Mika Suominen (CC0)"

# Textures that do not repeat downwards: the tips must not take from the roots.
ENDING = ("hair", "hair-nrm", "lash")
# Hair, and a tongue in the dark of a mouth, reflect less than smooth bodies of their roughness would.
DULL = {"KHR_materials_specular": {"specularFactor": 0.25, "specularColorFactor": [1, 0.9, 0.8]}}

# name: base colour, normal map and its scale, roughness, and the rest
MATERIALS = {
    "skin": ("skin", ("nrm", 0.8), 1.0, {}),
    "eye": ("eye", None, 0.06, {}),
    "teeth": ("teeth", None, 0.34, {}),
    "tongue": ("tongue", None, 0.62, {"extensions": DULL}),
    "lash": ("lash", None, 0.9, {"alphaMode": "BLEND", "doubleSided": True}),
    "cloth": ("cloth", ("cloth-nrm", 0.5), 0.92, {"doubleSided": True}),
    "hair-shell": ("shell", ("shell-nrm", 0.8), 0.62, {"extensions": DULL}),
    "hair": ("hair", ("hair-nrm", 0.8), 0.58, {"alphaMode": "MASK", "alphaCutoff": 0.4, "extensions": DULL}),
}


class Writer:
    def __init__(self):
        self.binary, self.views, self.accessors = bytearray(), [], []

    def view(self, data, target=None):
        self.binary.extend(b"\0" * (-len(self.binary) % 4))
        view = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)}
        if target:
            view["target"] = target
        self.binary.extend(data)
        self.views.append(view)
        return len(self.views) - 1

    def accessor(self, array, component, kind, target=34962, bounds=False, normalised=False):
        out = {"bufferView": self.view(array.tobytes(), target), "componentType": component, "count": len(array), "type": kind}
        if normalised:
            out["normalized"] = True
        if bounds:
            out["min"], out["max"] = array.min(0).tolist(), array.max(0).tolist()
        self.accessors.append(out)
        return len(self.accessors) - 1

    def sparse(self, deltas, least):
        """Some readers reject an accessor with neither view nor sparse values: one value at least."""
        k = np.nonzero((np.abs(deltas) > least).any(1))[0]
        k = k if len(k) else np.array([0])
        out = {"componentType": FLOAT, "count": len(deltas), "type": "VEC3",
               "min": np.minimum(deltas[k].min(0), 0).tolist(), "max": np.maximum(deltas[k].max(0), 0).tolist()}
        index, component = (np.uint16, SHORT) if len(deltas) < 65536 else (np.uint32, INT)
        out["sparse"] = {"count": len(k), "indices": {"bufferView": self.view(k.astype(index).tobytes()), "componentType": component},
                         "values": {"bufferView": self.view(deltas[k].astype(np.float32).tobytes())}}
        self.accessors.append(out)
        return len(self.accessors) - 1

    def primitive(self, part, origin, material):
        points = (part.points - origin) * METRES
        normal = part.fixed_normals if part.fixed_normals is not None else normals(points, part.tris)[part.source]
        place = points[part.source].astype(np.float32)
        attributes = {
            "POSITION": self.accessor(place, FLOAT, "VEC3", bounds=True),
            "NORMAL": self.accessor(normal.astype(np.float32), FLOAT, "VEC3"),
            "TEXCOORD_0": self.accessor(part.uv.astype(np.float32), FLOAT, "VEC2"),
            "JOINTS_0": self.accessor(np.tile(np.array([0, 1, 2, 0], np.uint8), (len(place), 1)), BYTE, "VEC4"),
            "WEIGHTS_0": self.accessor(_weights(part.weights[part.source]), BYTE, "VEC4", normalised=True),
        }
        if part.colour is not None:
            colour = np.ones((len(place), 4))
            colour[:, :3] = part.colour if part.colour.ndim == 2 else part.colour[:, None]
            attributes["COLOR_0"] = self.accessor((np.clip(colour, 0, 1) * 255).astype(np.uint8), BYTE, "VEC4", normalised=True)
        index, component = (np.uint16, SHORT) if len(place) < 65536 else (np.uint32, INT)
        indices = self.accessor(part.indices.astype(index).ravel(), component, "SCALAR", 34963)
        primitive = {"attributes": attributes, "indices": indices, "material": material}
        names = [n for n in ARKIT if n in part.deltas and np.abs(part.deltas[n]).max() > 5e-4]
        if names:
            primitive["targets"] = [self._target(part, points, part.deltas[name] * METRES) for name in names]
        return primitive, names

    def _target(self, part, points, delta):
        turned = normals(points + delta, part.tris) - normals(points, part.tris)
        return {"POSITION": self.sparse(delta[part.source], 4e-5), "NORMAL": self.sparse(turned[part.source], 0.02)}


def _weights(weights):
    weights = np.concatenate([np.clip(weights, 0, 1), np.zeros((len(weights), 1))], 1)
    weights /= weights.sum(1, keepdims=True)
    bytes_ = np.round(weights * 255).astype(np.int64)
    bytes_[np.arange(len(bytes_)), bytes_.argmax(1)] += 255 - bytes_.sum(1)
    return bytes_.astype(np.uint8)


def _materials(used, textures):
    out = []
    for name in used:
        colour, relief, rough, more = MATERIALS[name]
        surface = {"baseColorTexture": {"index": textures[colour]}, "metallicFactor": 0, "roughnessFactor": rough}
        material = {"name": name, "pbrMetallicRoughness": surface, **more}
        if relief:
            material["normalTexture"] = {"index": textures[relief[0]], "scale": relief[1]}
        if name == "skin":
            surface["metallicRoughnessTexture"] = {"index": textures["orm"]}
            material["occlusionTexture"] = {"index": textures["orm"], "strength": 0.6}
        out.append(material)
    return out


def write(path, person, parts, images, extras):
    writer, origin = Writer(), person.head * np.array([0, 1, 1])
    pictures = [{"name": n, "mimeType": "image/png", "bufferView": writer.view(data)} for n, data in images.items()]
    textures = {name: i for i, name in enumerate(images)}
    used = list(dict.fromkeys(part.material for part in parts))
    joints = [("chest", person.spine, origin), ("neck", person.neck, person.spine), ("head", person.head, person.neck)]
    nodes = [{"name": "avatar", "children": [1], "extras": extras}]
    binds = np.tile(np.eye(4, dtype=np.float32), (3, 1, 1))
    for i, (name, at, parent) in enumerate(joints):
        nodes.append({"name": name, "translation": ((at - parent) * METRES).tolist()})
        binds[i][3, :3] = -(at - origin) * METRES  # stored by columns
        if i:
            nodes[i]["children"] = [i + 1]
    skin = {"joints": [1, 2, 3], "inverseBindMatrices": writer.accessor(binds.reshape(3, 16), FLOAT, "MAT4", None)}
    meshes = []
    for part in parts:
        primitive, names = writer.primitive(part, origin, used.index(part.material))
        mesh = {"name": part.name, "primitives": [primitive]}
        if names:
            mesh["weights"], mesh["extras"] = [0] * len(names), {"targetNames": names}
        meshes.append(mesh)
        nodes[0]["children"].append(len(nodes))
        nodes.append({"name": part.name, "mesh": len(meshes) - 1, "skin": 0})
        print(f"{part.name}: {len(part.source)} vertices, {len(part.indices)} triangles, {len(names)} shapes")
    document = {
        "asset": {"version": "2.0", "generator": "tools/avatars", "copyright": COPYRIGHT},
        "extensionsUsed": ["KHR_materials_specular"], "scene": 0, "scenes": [{"nodes": [0]}], "nodes": nodes, "meshes": meshes, "materials": _materials(used, textures),
        "textures": [{"source": i, "sampler": int(name in ENDING)} for i, name in enumerate(images)], "images": pictures,
        "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 10497, "wrapT": wrap} for wrap in (10497, 33071)],
        "skins": [skin], "accessors": writer.accessors, "bufferViews": writer.views,
    }
    _save(path, document, writer.binary)


def _save(path, document, binary):
    binary.extend(b"\0" * (-len(binary) % 4))
    document["buffers"] = [{"byteLength": len(binary)}]
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    with open(path, "wb") as out:
        out.write(struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(binary)))
        out.write(struct.pack("<II", len(text), 0x4E4F534A) + text)
        out.write(struct.pack("<II", len(binary), 0x004E4942) + binary)
