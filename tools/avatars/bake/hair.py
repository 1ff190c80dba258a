"""Hair: an opaque shell that follows the haircut, and locks (ribbons with painted strands) that lie on it.

The shell hides what is behind the locks, so that they need no sorting: they are cut out by their alpha (MASK).
"""
import numpy as np

from . import bob, short
from .mesh import normals, raw_part, unit
from .paint import encode, normal_map

STRIPS = 8


def build(person, skull):
    if person.args.style == "none":
        return []
    style = {"bob": bob, "short": short}[person.args.style]
    return [style.shell(person, skull), _ribbons(person, *style.locks(person, skull))]


def _ribbons(person, paths, outward, widths, shades):
    """Flat strips along `paths` (n, k, 3), facing `outward`, shaded as if they were round."""
    n, k, _ = paths.shape
    rng = np.random.default_rng(person.args.seed + 1)
    along = unit(np.gradient(paths, axis=1))
    across = unit(np.cross(along, outward))
    taper = np.interp(np.linspace(0, 1, k), [0, 0.2, 0.75, 1], [0.75, 1, 0.9, 0.45])
    half = across * (widths[:, None] * taper)[..., None]
    points = np.stack([paths - half, paths + half], 2).reshape(-1, 3)
    round_ = np.stack([unit(outward - 0.45 * across), unit(outward + 0.45 * across)], 2).reshape(-1, 3)
    strip = rng.integers(0, STRIPS, n) / STRIPS
    u = np.repeat(strip, 2 * k) + np.tile([0.004, 0.121], n * k)
    v = np.tile(np.repeat(np.linspace(0, 1, k), 2), n)
    first, step = (np.arange(n) * 2 * k)[:, None, None], (np.arange(k - 1) * 2)[None, :, None]
    tris = (first + step + np.array([0, 1, 3, 0, 3, 2])).reshape(-1, 3)
    if (np.cross(points[1] - points[0], points[3] - points[0]) * outward[0, 0]).sum() < 0:
        tris = tris[:, ::-1]
    head = np.tile([0, 0, 1.0], (len(points), 1))
    return raw_part("hair", "hair", points, head, np.stack([u, v], 1), tris, round_, np.repeat(shades.reshape(-1), 2))


def grid_shell(points, thickness, shades, wrap, inside=0.16):
    """A closed body of a grid (rows, columns, 3): outside, inside and rims. `wrap`: the columns go all around."""
    rows, columns, _ = points.shape
    index = np.arange(rows * columns).reshape(rows, columns)
    order = np.concatenate([index, index[:, :1]], 1) if wrap else index
    quads = np.stack([order[:-1, :-1], order[1:, :-1], order[1:, 1:], order[:-1, 1:]], -1).reshape(-1, 4)
    tris = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    flat = points.reshape(-1, 3)
    outward = normals(flat, tris)
    if (outward * (flat - flat.mean(0))).sum() < 0:
        tris, outward = tris[:, ::-1], -outward
    n = len(flat)
    inner = flat - outward * thickness.reshape(-1, 1)
    rims = [order[-1]] if wrap else [order[-1], order[:, 0][::-1], order[:, -1]]
    strips = []
    for rim in rims:
        a, b = rim[:-1], rim[1:]
        strips.append(np.concatenate([np.stack([a, b, b + n], 1), np.stack([a, b + n, a + n], 1)]))
    strips = np.concatenate(strips)
    everything = np.concatenate([tris, tris[:, ::-1] + n, strips, strips[:, ::-1]])
    colour = np.concatenate([shades.reshape(-1), np.full(n, inside)])
    return np.concatenate([flat, inner]), everything, np.concatenate([outward, -outward]), colour


def _strands(rng, pixels, left, right, count, opaque):
    """Clumps of hair from the top of the strip down; cut-out ones end in points, which no mipmap turns to specks."""
    height = pixels.shape[0]
    for _ in range(count):
        x, tone, width = rng.uniform(left, right), rng.uniform(0.62, 1.22), rng.uniform(1.0, 3.6)
        bend, wave, phase = rng.normal() * 6, rng.integers(1, 3), rng.uniform(0, 6)
        y = np.arange(int(height * (1 if opaque else rng.uniform(0.72, 1.0))))
        xs = x + (0 if opaque else bend) * (y / height) ** 2 + 1.5 * np.sin(2 * np.pi * wave * y / height + phase)
        point = 1 if opaque else np.clip((len(y) - y) / (height * 0.28), 0, 1)
        for offset in range(-4, 5):
            at = np.floor(xs).astype(int) + offset
            cover = np.clip(width * point + 0.5 - np.abs(at - xs), 0, 1)
            if opaque:  # repeats sideways
                at = (at - left) % (right - left) + left
                pixels[y, at, :3] = pixels[y, at, :3] * (1 - cover[:, None]) + tone * cover[:, None]
                continue
            at = np.clip(at, left - 3, right + 2)
            more = cover > pixels[y, at, 3]
            pixels[y[more], at[more], 3], pixels[y[more], at[more], :3] = cover[more], tone


def paint(person, size=512):
    """Colour and relief of the locks (cut out) and of the shell (whole, repeating)."""
    hair = person.args.hair
    locks, shell = np.zeros((size, size, 4)), np.full((size, size // 2, 4), 0.85)
    locks[..., :3] = 0.9
    for strip in range(STRIPS):
        width = size // STRIPS
        _strands(np.random.default_rng(100 + strip), locks, strip * width + 4, (strip + 1) * width - 4, 24, False)
    _strands(np.random.default_rng(99), shell, 0, size // 2, 420, True)
    relief = lambda tone: encode(normal_map(tone * 0.9, 1, 6))
    colour = lambda tone: np.clip(hair * 1.5 * tone[..., None], 0, 1)
    cut_out = np.concatenate([colour(locks[..., 0]), locks[..., 3:]], -1)
    return {"hair": encode(cut_out, "RGBA"), "hair-nrm": relief(locks[..., 0] * locks[..., 3]),
            "shell": encode(colour(shell[..., 0])), "shell-nrm": relief(shell[..., 0])}
