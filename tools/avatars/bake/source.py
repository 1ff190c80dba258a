"""Reads the CC0 MakeHuman/MPFB2 data: base mesh, morph targets, face units, rig weights, masks."""
import gzip
import json
import os

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("MHDATA", os.path.join(HERE, "..", "cc0-src"))
MPFB = ROOT + "/mpfb2"
VERTICES = 19158


def base_mesh():
    """Vertices, texture coordinates, and per face: its vertices, its texture coordinates, its group."""
    vertices, texture, faces, face_texture, face_group, group = [], [], [], [], [], None
    for line in open(MPFB + "/3dobjs/base.obj"):
        if line.startswith("v "):
            vertices.append([float(x) for x in line.split()[1:4]])
        elif line.startswith("vt "):
            texture.append([float(x) for x in line.split()[1:3]])
        elif line.startswith("g "):
            group = line.split()[1]
        elif line.startswith("f "):
            corners = [corner.split("/") for corner in line.split()[1:]]
            faces.append([int(c[0]) - 1 for c in corners])
            face_texture.append([int(c[1]) - 1 for c in corners])
            face_group.append(group)
    return np.array(vertices), np.array(texture), faces, face_texture, face_group


def _deltas(path):
    opener = gzip.open if path.endswith(".gz") else open
    deltas = np.zeros((VERTICES, 3))
    for line in opener(path, "rt"):
        if line.startswith("#") or not line.strip():
            continue
        at, *delta = line.split()
        deltas[int(at)] = [float(x) for x in delta[:3]]
    return deltas


def target(name):
    return _deltas(f"{MPFB}/targets/{name}.target.gz")


def face_units():
    folder = ROOT + "/faceunits01/targets/faceunits/"
    return {name[:-7]: _deltas(folder + name) for name in sorted(os.listdir(folder))}


def vertex_groups():
    groups = json.load(open(MPFB + "/mesh_metadata/basemesh_vertex_groups.json"))
    return {name: np.concatenate([np.arange(a, b + 1) for a, b in spans]) for name, spans in groups.items()}


def rig_weights():
    return json.load(open(MPFB + "/rigs/standard/weights.game_engine.json"))["weights"]


def mask(name):
    return Image.open(f"{MPFB}/textures/mpfb_{name}.jpg")
