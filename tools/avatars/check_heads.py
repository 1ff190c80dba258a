"""Checks baked heads. usage: check_heads.py BAKED.glb… [--published FOLDER with the compressed ones of the same names]"""
import argparse
import os
import sys

import numpy as np

from bake.shapes import ARKIT
from glb_read import Glb, json_of

# How the lips' gap, in millimetres, follows the shapes: what lip sync is measured with.
GAP_REST = 0.67
GAP = {
    "jawOpen": 34.5, "mouthClose": -34.5, "mouthFunnel": 14.0, "mouthShrugUpper": 4.1, "mouthShrugLower": -4.9,
    "mouthRollLower": -3.8, "mouthRollUpper": -2.8, "mouthUpperUpLeft": 2.4, "mouthUpperUpRight": 2.4,
    "mouthLowerDownLeft": 1.9, "mouthLowerDownRight": 1.9, "mouthSmileLeft": -1.5, "mouthSmileRight": -1.5,
    "mouthPressLeft": -1.4, "mouthPressRight": -1.4, "jawForward": 1.4, "mouthLeft": -1.1, "mouthRight": -1.1,
    "cheekPuff": -1.1, "mouthPucker": -0.9, "mouthStretchLeft": 0.2, "mouthStretchRight": 0.2,
}
MATERIALS = {"skin", "eye", "teeth", "tongue", "lash", "cloth"}
SIZES = {"": 4e6, "-lod0": 1.5e6}
failures = []


def expect(holds, message):
    print(("ok   " if holds else "FAIL ") + message)
    if not holds:
        failures.append(message)


def lip_gap(glb, meshes):
    """Neutral gap and each shape's change of it, between the two vertices that the bake names."""
    points, _, shapes = meshes["skin"]
    marks = glb.json["nodes"][0]["extras"]
    hangs = shapes["jawOpen"][:, 1] < -0.02  # from the lower jaw
    away = lambda mark, none: np.linalg.norm(points - marks[mark], axis=1) + 1.0 * none
    upper, lower = np.argmin(away("upperLip", hangs)), np.argmin(away("lowerLip", ~hangs))
    change = {name: (d[upper, 1] - d[lower, 1]) * 1000 for name, d in shapes.items()}
    return (points[upper, 1] - points[lower, 1]) * 1000, change


def seen(meshes, what, weights, box, step=0.0005):
    """How many cells of a front view `box` (x0, x1, y0, y1) show the meshes `what`."""
    width, height = (int((box[1] - box[0]) / step), int((box[3] - box[2]) / step))
    depth, shown = np.full((height, width), -9.0), np.zeros((height, width), bool)
    for name, (points, triangles, shapes) in meshes.items():
        if name in ("lashes", "hair", "hair-shell", "cloth"):
            continue
        points = points + sum((w * shapes[s] for s, w in weights.items() if s in shapes), np.zeros(3))
        flat = (points[:, :2] - [box[0], box[2]]) / step
        for a, b, c in triangles:
            _fill(depth, shown, flat[[a, b, c]], points[[a, b, c], 2], name in what)
    return int(shown.sum())


def _fill(depth, shown, t, z, mark):
    low, high = np.maximum(np.ceil(t.min(0)).astype(int), 0), np.floor(t.max(0)).astype(int) + 1
    high = np.minimum(high, depth.shape[::-1])
    if (high <= low).any():
        return
    d = (t[1, 1] - t[2, 1]) * (t[0, 0] - t[2, 0]) + (t[2, 0] - t[1, 0]) * (t[0, 1] - t[2, 1])
    if abs(d) < 1e-9:
        return
    x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    u = ((t[1, 1] - t[2, 1]) * (x - t[2, 0]) + (t[2, 0] - t[1, 0]) * (y - t[2, 1])) / d
    v = ((t[2, 1] - t[0, 1]) * (x - t[2, 0]) + (t[0, 0] - t[2, 0]) * (y - t[2, 1])) / d
    w = 1 - u - v
    here = u * z[0] + v * z[1] + w * z[2]
    nearer = (u >= 0) & (v >= 0) & (w >= 0) & (here > depth[y, x])
    depth[y[nearer], x[nearer]], shown[y[nearer], x[nearer]] = here[nearer], mark


def check_look(meshes):
    left, right = meshes["eyeLeft"][0], meshes["eyeRight"][0]
    eyes = (right[:, 0].min() - 0.01, left[:, 0].max() + 0.01, left[:, 1].min() - 0.01, left[:, 1].max() + 0.01)
    open_ = seen(meshes, ("eyeLeft", "eyeRight"), {}, eyes)
    shut = seen(meshes, ("eyeLeft", "eyeRight"), {"eyeBlinkLeft": 1, "eyeBlinkRight": 1}, eyes)
    iris = np.pi * (0.50 * 0.0143 / 0.0005) ** 2  # cells of one iris
    expect(open_ > 1.6 * iris, f"the eyes are open at rest: {open_} cells")
    expect(shut <= 0.02 * open_, f"a blink shuts them: {shut} cells")
    lips = meshes["upper-teeth"][0]
    mouth = (-0.035, 0.035, lips[:, 1].min() - 0.02, lips[:, 1].max())
    teeth = ("upper-teeth", "lower-teeth")
    bare = seen(meshes, teeth, {}, mouth)
    wide = seen(meshes, teeth, {"jawOpen": 0.6}, mouth)
    expect(bare <= 4, f"no teeth show at rest: {bare} cells")
    expect(wide > 100, f"teeth show in an open mouth: {wide} cells")


def check_gap(glb, meshes):
    rest, change = lip_gap(glb, meshes)
    expect(abs(rest - GAP_REST) < 0.35, f"lips' gap at rest {rest:.2f} mm, by the formula {GAP_REST}")
    worst = max(GAP, key=lambda s: abs(change[s] - GAP[s]) / max(abs(GAP[s]), 6))
    off = abs(change[worst] - GAP[worst])
    expect(off <= 0.06 * max(abs(GAP[worst]), 6) + 0.05, f"the gap follows the formula; worst {worst}: {change[worst]:.1f} for {GAP[worst]}")
    print(f"     jawOpen {change['jawOpen']:.1f}, mouthClose {change['mouthClose']:.1f}, mouthFunnel {change['mouthFunnel']:.1f} mm")


def check(path):
    print(path)
    glb = Glb(path)
    meshes = glb.meshes()
    names = set().union(*(shapes for _, _, shapes in meshes.values()))
    expect(names == set(ARKIT), f"the 52 ARKit shapes and no other: {len(names)}")
    expect(all(np.isfinite(a).all() for a in glb.all_numbers()), "all numbers are finite")
    moved = {n: max(np.abs(s[n]).max() * 1000 for _, _, s in meshes.values() if n in s) for n in names}
    least, most = min(moved, key=moved.get), max(moved, key=moved.get)
    expect(0.5 < moved[least] and moved[most] < 60, f"shapes move {moved[least]:.1f} ({least}) to {moved[most]:.1f} mm ({most})")
    materials = {m["name"] for m in glb.json["materials"]}
    expect(MATERIALS <= materials, f"materials {' '.join(sorted(materials))}")
    expect({"chest", "neck", "head"} <= {n["name"] for n in glb.json["nodes"]}, "joints chest, neck, head")
    check_gap(glb, meshes)
    check_look(meshes)


def check_published(path, baked):
    published = json_of(path)
    targets = lambda j: {m["name"]: m.get("extras", {}).get("targetNames") for m in j["meshes"]}
    limit = SIZES["-lod0" if path.endswith("-lod0.glb") else ""]
    size = os.path.getsize(path)
    expect(size < limit, f"{path}: {size / 1e6:.2f} MB of {limit / 1e6}")
    expect(targets(published) == targets(json_of(baked)), "compressed, it has the same meshes and shapes in the same order")
    expect({"EXT_meshopt_compression", "KHR_mesh_quantization", "EXT_texture_webp"} <= set(published["extensionsUsed"]), "it is compressed")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("baked", nargs="+")
    parser.add_argument("--published")
    args = parser.parse_args()
    for path in args.baked:
        check(path)
        if args.published:
            check_published(os.path.join(args.published, os.path.basename(path)), path)
    sys.exit(1 if failures else 0)


main()
