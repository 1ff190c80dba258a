"""The shirt: cut cleanly at the neck, the arms and the chest, with a rolled collar exactly on the cut."""
import numpy as np
from scipy.spatial import cKDTree

from .mesh import Part, compact, cut, normals, raw_part, unit
from .paint import encode, fractal_noise, normal_map

ARM, CHEST = 2.45, 2.1  # how far the shirt goes sideways, and below the neck
COLLAR, AROUND = 0.034, 8


def neckline(person, points):
    """Above zero is neck. A plane that rises to the back, and to the sides beyond the shoulders' slope."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    drop = 0.17 if person.female else 0.12
    return y - (person.neck[1] - drop + 0.42 * (0.15 - z) + 0.22 * x * x)


def build(person, skin):
    bottom = person.neck[1] - CHEST
    inside = lambda p: p[:, 1].max() > bottom - 0.3 and np.abs(p[:, 0]).min() < ARM + 0.3
    picked = person.pick(("helper-tights",), inside)
    used, faces = compact([f for f, _ in picked], len(person.shape))
    flat = [person.shape[f][:, :2] for f, _ in picked]
    cloth = Part("cloth", "cloth", person.shape[used], person.weights[used], faces, flat, levels=max(1, person.args.subdiv))
    points = cloth.points + normals(cloth.points, cloth.tris) * 0.04
    rows, tris = np.concatenate([points, cloth.weights], 1), cloth.tris
    for field in (lambda p: bottom - p[:, 1], lambda p: np.abs(p[:, 0]) - ARM, lambda p: neckline(person, p)):
        rows, tris, rim = cut(rows, tris, field(rows[:, :3]))
    points, weights = rows[:, :3].copy(), _follow_skin(skin, rows[:, :3], rows[:, 3:])
    ring, ring_weights = _ring(points, weights, rim)
    smooth = normals(points, tris)
    points, weights, tris, smooth = _collar(points, weights, tris, smooth, ring, ring_weights)
    uv = np.stack([points[:, 0] * 1.1, (points[:, 1] + points[:, 2] * 0.6) * 1.1], 1)
    return raw_part("cloth", "cloth", points, weights, uv, tris, smooth)


def _follow_skin(skin, points, weights):
    """Near the neck the shirt moves with the skin under it, so that no gap opens."""
    distance, at = cKDTree(skin.points).query(points)
    share = np.clip(1 - (distance - 0.12) / 0.25, 0, 1)[:, None]
    mixed = weights * (1 - share) + skin.weights[at] * share
    return mixed / mixed.sum(1, keepdims=True)


def _ring(points, weights, rim, count=128):
    """The cut around the neck as evenly spaced points. The rim may have loose bits: the walk takes the longest loop."""
    onward = {}
    for a, b in rim:
        if a != b:
            onward.setdefault(a, []).append(b)
            onward.setdefault(b, []).append(a)
    best, seen = [], set()
    for start in onward:
        if start in seen:
            continue
        loop, at = [], start
        while at is not None:
            seen.add(at)
            loop.append(at)
            at = next((n for n in onward[at] if n not in seen), None)
        best = max(best, loop, key=len)
    path = np.concatenate([points[best], weights[best]], 1)
    path = np.concatenate([path, path[:1]])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path[:, :3], axis=0), axis=1))])
    at = np.linspace(0, length[-1], count + 1)[:-1]
    even = np.stack([np.interp(at, length, path[:, k]) for k in range(path.shape[1])], 1)
    for _ in range(3):
        even = (np.roll(even, 1, 0) + 2 * even + np.roll(even, -1, 0)) / 4
    return even[:, :3], even[:, 3:]


def _collar(points, weights, tris, smooth, ring, ring_weights):
    along = unit(np.roll(ring, -1, 0) - np.roll(ring, 1, 0))
    up = unit(np.array([0, 1, 0.0]) - along * along[:, 1:2])
    side = np.cross(along, up)
    first, n, tube, outward, more = len(points), len(ring), [], [], []
    for i in range(n):
        for j in range(AROUND):
            a = 2 * np.pi * j / AROUND
            spoke = side[i] * np.cos(a) + up[i] * np.sin(a) * 1.5
            tube.append(ring[i] + spoke * COLLAR)
            outward.append(unit(spoke))
    for i in range(n):
        for j in range(AROUND):
            a, b = first + i * AROUND + j, first + (i + 1) % n * AROUND + j
            c, d = first + (i + 1) % n * AROUND + (j + 1) % AROUND, first + i * AROUND + (j + 1) % AROUND
            more += [[a, c, b], [a, d, c]]
    turning = np.cross(tube[AROUND] - tube[0], tube[1] - tube[0]) @ outward[0]
    more = np.array(more)[:, ::-1] if turning > 0 else np.array(more)
    return (np.concatenate([points, tube]), np.concatenate([weights, np.repeat(ring_weights, AROUND, 0)]),
            np.concatenate([tris, more]), np.concatenate([smooth, outward]))


def paint(person, size=256):
    """Knitted cloth that repeats."""
    yy, xx = np.mgrid[0:size, 0:size] / size * 2 * np.pi
    rows, wales = np.sin(yy * 24 + np.sin(xx * 24) * 1.2), np.sin(xx * 48)
    knit = 0.5 + 0.25 * rows + 0.25 * wales
    around = np.stack([np.cos(xx), np.sin(xx), np.cos(yy)], -1) * 6 + np.sin(yy)[..., None]
    fuzz = fractal_noise(around, 3, 81)
    colour = person.args.cloth * (0.90 + 0.10 * knit + 0.10 * fuzz)[..., None]
    relief = normal_map(0.35 * knit + 0.1 * fuzz, 1, 1)
    return {"cloth": encode(colour), "cloth-nrm": encode(relief)}
