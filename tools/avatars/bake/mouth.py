"""Teeth as single crowns along the arch with gums, and the tongue."""
import numpy as np

from .mesh import Part, compact
from .paint import encode, fractal_noise
from .person import rigid
from .shapes import ARKIT

GRID = 8  # vertices along a side of a crown
WIDTHS = {True: [0.086, 0.068, 0.078, 0.070, 0.068, 0.098, 0.095], False: [0.054, 0.060, 0.068, 0.070, 0.070, 0.105, 0.100]}
HEIGHTS = {True: [0.100, 0.088, 0.096, 0.080, 0.075, 0.070, 0.065], False: [0.085, 0.088, 0.095, 0.082, 0.075, 0.068, 0.065]}


class Arch:
    """Half a dental arch from the middle outwards, by length."""

    def __init__(self, half_width, front, back):
        t = np.linspace(0, np.pi / 2, 400)
        self.x, self.z, self.back = half_width * np.sin(t) ** 0.95, back + (front - back) * np.cos(t) ** 0.75, back
        self.s = np.concatenate([[0], np.cumsum(np.hypot(np.diff(self.x), np.diff(self.z)))])
        self.length = self.s[-1]

    def at(self, s):
        return np.interp(s, self.s, self.x), np.interp(s, self.s, self.z)

    def frame(self, s, before=0.0):
        """Position, direction along the arch and outwards."""
        x, z = self.at(s)
        (x1, z1), (x2, z2) = self.at(max(s - before, 0)), self.at(min(s + 0.01, self.length))
        along = np.array([x2 - x1, 0, z2 - z1])
        along /= np.linalg.norm(along) + 1e-9
        out = np.array([-along[2], 0, along[0]])
        return x, z, along, out if out @ np.array([abs(x), 0, z - self.back]) > 0 else -out


def _crown(width, height, depth):
    """The front and sides of one tooth around its middle."""
    points = []
    for b in np.linspace(-1, 1, GRID):
        for a in np.linspace(-1, 1, GRID):
            taper = 1 - 0.16 * (0.5 + 0.5 * b)  # narrower at the gum
            bulge = np.sqrt(max(0, 1 - 0.80 * abs(a) ** 4 - 0.20 * b * b))
            x, y = np.sign(a) * abs(a) ** 0.75 * width / 2 * 0.985 * taper, b * height / 2
            if b < -0.6:
                y *= 1 - 0.06 * abs(a) ** 2.5
            points.append((x, y, depth * (bulge - 1) - (0.5 * depth if max(abs(a), abs(b)) > 0.999 else 0)))
    return np.array(points)


def _teeth(person, group, upper):
    ids = person.groups[group]
    box = person.shape[ids]
    # Narrower and further in than the base mesh's: lips that press or smile must not bare the back teeth.
    half = np.ptp(box[:, 0]) / 2 * 0.84
    arch = Arch(half, box[:, 2].max() - 0.06, box[:, 2].min() + 0.05)
    edge = box[:, 1].min() - 0.005 if upper else box[:, 1].max() - 0.03
    widths = np.array(WIDTHS[upper])
    widths, up = widths * (arch.length / widths.sum()) * 0.985, 1 if upper else -1
    points, faces, uvs, first = [], [], [], 0
    for side in (1, -1):
        begun = 0
        for k, (width, height) in enumerate(zip(widths, HEIGHTS[upper])):
            x, z, along, out = arch.frame(begun + width / 2)
            begun += width
            crown = _crown(width, height, 0.045 + 0.012 * k)
            mirror = np.array([side, 1, 1])
            points.append(np.array([side * x, edge + up * height / 2, z]) + crown[:, :1] * (along * mirror)
                          + crown[:, 1:2] * np.array([0, up, 0]) + crown[:, 2:] * (out * mirror))
            _grid_faces(faces, uvs, first, side * up < 0)
            first += GRID * GRID
    _gums(arch, widths, HEIGHTS[upper], edge, up, points, faces, uvs, first)
    return ids, np.concatenate(points), faces, uvs


def _grid_faces(faces, uvs, first, flip):
    for i in range(GRID - 1):
        for j in range(GRID - 1):
            quad = [first + i * GRID + j, first + i * GRID + j + 1, first + (i + 1) * GRID + j + 1, first + (i + 1) * GRID + j]
            quad = quad[::-1] if flip else quad
            faces.append(quad)
            uvs.append(np.array([[0.02 + 0.46 * ((v - first) % GRID) / (GRID - 1),
                                  0.02 + 0.96 * (1 - ((v - first) // GRID) / (GRID - 1))] for v in quad]))


def _gums(arch, widths, heights, edge, up, points, faces, uvs, first, ring=10, steps=41):
    ends = np.cumsum(widths)
    for t in np.linspace(-1, 1, steps):
        s, side = abs(t) * arch.length, np.sign(t)
        x, z, _, out = arch.frame(s, before=0.01)
        out = np.array([side * out[0], 0, out[2]])
        y = edge + up * (np.interp(s, ends, heights) + 0.045)
        scallop = 0.5 + 0.5 * np.cos(np.interp(s, np.concatenate([[0], ends]), np.arange(8)) * 2 * np.pi)
        for j in range(ring):
            a = 2 * np.pi * j / ring
            points.append((np.array([side * x, y, z]) + out * (np.cos(a) * 0.050 - 0.035)
                           + np.array([0, np.sin(a) * (0.072 + 0.006 * scallop), 0]))[None])
    for i in range(steps - 1):
        for j in range(ring):
            k = (j + 1) % ring
            faces.append([first + i * ring + j, first + (i + 1) * ring + j, first + (i + 1) * ring + k, first + i * ring + k][::-1])
            uvs.append(np.array([[0.52 + 0.46 * i / steps, 0.5]] * 4) + np.array([[0, 0], [0.01, 0], [0.01, 0.3], [0, 0.3]]))


def _teeth_part(person, group, upper):
    ids, points, faces, uvs = _teeth(person, group, upper)
    centre, deltas = person.shape[ids].mean(0), {}
    for name in ARKIT:
        delta = person.deltas[name][ids]
        if np.abs(delta).max() < 0.02 or (np.linalg.norm(delta, axis=1) > 1e-6).mean() < 0.9:
            continue
        rotation, before, after = rigid(person.base[ids], person.base[ids] + delta)
        deltas[name] = (points - centre) @ rotation.T + (after - before) + centre - points
    head = np.tile([0, 0, 1.0], (len(points), 1))
    part = Part(group.replace("helper-", ""), "teeth", points, head, faces, uvs, deltas).split()
    return _darker_inside(part, 3.2, -2.2, 0.03, 1)


def _darker_inside(part, slope, base, low, high):
    """No light comes to the back of a mouth."""
    z = part.points[part.source][:, 2]
    part.colour = np.clip((z - z.min()) / np.ptp(z) * slope + base, low, high)
    return part


def build(person):
    upper, lower = _teeth_part(person, "helper-upper-teeth", True), _teeth_part(person, "helper-lower-teeth", False)
    picked = person.pick(("helper-tongue",))
    used, faces = compact([f for f, _ in picked], len(person.shape))
    uv = [np.stack([t[:, 0], 1 - t[:, 1]], 1) for _, t in picked]
    tongue = Part("tongue", "tongue", person.shape[used], np.tile([0, 0, 1.0], (len(used), 1)), faces, uv,
                  {name: delta[used] for name, delta in person.deltas.items()}, 1).split()
    return [_darker_inside(tongue, 1.5, -0.55, 0.03, 0.85), upper, lower]


def paint():
    size = 128
    yy, xx = np.mgrid[0:size, 0:size] / size
    teeth = np.array([0.86, 0.82, 0.75]) * (1 - 0.12 * np.clip((0.25 - yy) / 0.25, 0, 1)[..., None] * np.array([0.3, 0.8, 1.2]))
    teeth = teeth * (1 - 0.10 * np.clip(np.abs((xx - 0.25) / 0.25) - 0.75, 0, 1)[..., None] * 4)
    gum = np.array([0.56, 0.25, 0.25]) * np.ones((size, size, 1))
    grain = fractal_noise(np.stack([xx * 40, yy * 40, xx * 0], -1), 2, 91)
    tongue = np.array([0.62, 0.29, 0.29]) * (1 + 0.25 * grain[..., None]) * np.ones((size, size, 1))
    return {"teeth": encode(np.where((xx < 0.5)[..., None], teeth, gum)), "tongue": encode(tongue)}
