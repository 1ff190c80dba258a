"""The eyes: spheres with a cornea that turn as the base mesh's eyes do, and their texture."""
import numpy as np

from .mesh import Part
from .paint import encode, fractal_noise
from .person import rigid
from .shapes import ARKIT

IRIS, PUPIL = 0.50, 0.195  # angles from the middle of the iris


def _sphere(rows=20, columns=32):
    """The pole is the middle of the iris, towards +z; the texture is polar."""
    points, uv, faces = [], [], []
    for i in range(rows + 1):
        polar = np.pi * (i / rows) ** 1.25
        for j in range(columns):
            a, r = 2 * np.pi * j / columns, (i / rows) ** 1.25
            points.append([np.sin(polar) * np.cos(a), np.sin(polar) * np.sin(a), np.cos(polar)])
            uv.append([0.5 + 0.5 * r * np.cos(a), 0.5 - 0.5 * r * np.sin(a)])
    for i in range(rows):
        for j in range(columns):
            k = (j + 1) % columns
            faces.append([i * columns + j, (i + 1) * columns + j, (i + 1) * columns + k, i * columns + k])
    return np.array(points), faces, [np.array([uv[v] for v in face]) for face in faces]


def build(person):
    return [_eye(person, side, group) for side, group in (("Left", "helper-l-eye"), ("Right", "helper-r-eye"))]


def _eye(person, side, group):
    ids = person.groups[group]
    corners = person.shape[ids]
    centre, radius = corners.mean(0), np.ptp(corners, axis=0).mean() / 2
    sphere, faces, uv = _sphere()
    polar = np.arccos(np.clip(sphere[:, 2], -1, 1))
    bulge = 1 + 0.075 * np.clip(1 - (polar / 0.52) ** 2, 0, 1)
    points = sphere * radius * bulge[:, None]
    deltas = {}
    for name in ARKIT:
        delta = person.deltas[name][ids]
        if np.abs(delta).max() >= 1e-6:
            rotation, _, _ = rigid(person.base[ids], person.base[ids] + delta)
            deltas[name] = points @ rotation.T - points
    head = np.tile([0, 0, 1.0], (len(points), 1))
    return Part("eye" + side, "eye", points + centre, head, faces, uv, deltas).split()


def _fibres(turns, seed):
    table = np.random.default_rng(seed).random(512)
    at = turns % 1 * 512
    i, f = at.astype(int) % 512, at - np.floor(at)
    return table[i] * (1 - f) + table[(i + 1) % 512] * f


def paint(person, size=512):
    yy, xx = np.mgrid[0:size, 0:size]
    x, y = (xx + 0.5) / size * 2 - 1, (yy + 0.5) / size * 2 - 1
    r, turn = np.hypot(x, y) * np.pi, np.arctan2(y, x) / (2 * np.pi)
    white = np.array([0.86, 0.83, 0.81]) * np.ones((size, size, 1))
    far = np.clip((r - 0.7) / 1.2, 0, 1)[..., None]
    white = white * (1 - far * np.array([0.08, 0.20, 0.20]))
    vein = fractal_noise(np.stack([x * 9, y * 9, x * 0], -1), 4, 61)
    veins = np.clip(1 - np.abs(vein) * 28, 0, 1) * np.clip((r - 0.75) / 0.8, 0, 1) * 0.30
    white = white * (1 - veins[..., None] * np.array([0.1, 0.55, 0.5]))
    # The upper lid's shadow: the eye turns little enough to carry it.
    shadow = np.clip((-y * np.pi - 0.10) / 0.75, 0, 1)[..., None] ** 1.3
    fibre = 0.55 * _fibres(turn, 71) + 0.45 * _fibres(turn + 0.37 + r * 0.02, 73)
    out = np.clip((r - PUPIL) / (IRIS - PUPIL), 0, 1)
    iris = person.args.iris * (0.60 + 0.75 * fibre[..., None]) * (1.25 - 0.45 * out[..., None])
    collar = np.exp(-(((out - 0.18) / 0.12) ** 2))[..., None]
    iris = iris + collar * np.array([0.16, 0.11, 0.05]) * (0.5 + fibre[..., None])
    iris = iris * (1 + 0.35 * np.clip(y * np.pi / 0.4, -0.6, 1))[..., None]  # light caught below
    iris = iris * (1 - 0.72 * np.clip((out - 0.76) / 0.24, 0, 1)[..., None])
    edge = 1 / (1 + np.exp(-(r - IRIS) / 0.022))[..., None]
    pupil = 1 / (1 + np.exp(-(r - PUPIL) / 0.012))[..., None]
    eye = (iris * (1 - edge) + white * edge) * pupil + (1 - pupil) * 0.010
    return encode(np.clip(eye * (1 - 0.45 * shadow), 0, 1))
