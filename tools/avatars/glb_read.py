"""Reads what the checks need of an uncompressed .glb."""
import json
import struct

import numpy as np

TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    def __init__(self, path):
        data = open(path, "rb").read()
        length = struct.unpack("<I", data[12:16])[0]
        self.json, self.binary = json.loads(data[20:20 + length]), data[28 + length:]

    def _view(self, index, component, count, width):
        start = self.json["bufferViews"][index].get("byteOffset", 0)
        size = count * width * np.dtype(TYPES[component]).itemsize
        return np.frombuffer(self.binary[start:start + size], TYPES[component]).reshape(count, width)

    def accessor(self, index):
        a = self.json["accessors"][index]
        width, component = WIDTHS[a["type"]], a["componentType"]
        out = np.zeros((a["count"], width))
        if "bufferView" in a:
            out = self._view(a["bufferView"], component, a["count"], width).astype(float)
        if "sparse" in a:
            s, i = a["sparse"], a["sparse"]["indices"]
            at = self._view(i["bufferView"], i["componentType"], s["count"], 1).ravel()
            out = out.copy()
            out[at] = self._view(s["values"]["bufferView"], component, s["count"], width)
        return out

    def meshes(self):
        """name: (positions, triangles, {shape: deltas})"""
        out = {}
        for mesh in self.json["meshes"]:
            primitive = mesh["primitives"][0]
            names = mesh.get("extras", {}).get("targetNames", [])
            shapes = {n: self.accessor(t["POSITION"]) for n, t in zip(names, primitive.get("targets", []))}
            triangles = self.accessor(primitive["indices"]).astype(int).reshape(-1, 3)
            out[mesh["name"]] = (self.accessor(primitive["attributes"]["POSITION"]), triangles, shapes)
        return out

    def all_numbers(self):
        return (self.accessor(i) for i in range(len(self.json["accessors"])))


def json_of(path):
    data = open(path, "rb").read()
    return json.loads(data[20:20 + struct.unpack("<I", data[12:16])[0]])
