"""Eyelashes: the base mesh's strips with painted hairs."""
import numpy as np

from .mesh import Part, compact
from .paint import encode

GROUPS = ("helper-l-eyelashes-1", "helper-l-eyelashes-2", "helper-r-eyelashes-1", "helper-r-eyelashes-2")


def build(person):
    picked = person.pick(GROUPS)
    used, faces = compact([f for f, _ in picked], len(person.shape))
    uv = [np.stack([t[:, 0], 1 - t[:, 1]], 1) for _, t in picked]
    part = Part("lashes", "lash", person.shape[used], np.tile([0, 0, 1.0], (len(used), 1)), faces, uv,
                {name: delta[used] for name, delta in person.deltas.items()}).split()
    points = part.points[part.source]
    eye = np.where(points[:, :1] > 0, person.eyes["Left"], person.eyes["Right"])
    distance, upper = np.linalg.norm(points - eye, axis=1), points[:, 1] > eye[:, 1] - 0.01
    along, across = np.zeros(len(points)), np.zeros(len(points))  # along the strip, and from root to tip
    for side in (-1, 1):
        for is_upper in (True, False):
            k = (np.sign(points[:, 0]) == side) & (upper == is_upper)
            across[k] = (distance[k] - distance[k].min()) / (np.ptp(distance[k]) + 1e-9)
            along[k] = (points[k, 0] - points[k, 0].min()) / (np.ptp(points[k, 0]) + 1e-9)
    part.uv = np.stack([along, np.where(upper, 0.02 + 0.46 * (1 - across), 0.52 + 0.46 * (1 - across))], 1)
    return part


def paint(person):
    """Upper lashes in the upper half; the lower ones are finer and paler."""
    pixels = np.zeros((256, 512, 4))
    pixels[..., :3] = person.args.hair * 0.25
    for half, (count, density, width, tall) in enumerate(((120, 0.92, 1.7, 118), (64, 0.42, 1.0, 84))):
        rng, base = np.random.default_rng(17 + half), half * 128 + 126
        for _ in range(count):
            root, length = rng.uniform(4, 508), rng.uniform(0.55, 1.0) * tall
            slant = (root / 512 - 0.5) * 30 + rng.normal() * 4
            for y in range(int(length)):
                x, thick = root + slant * (y / 118) ** 1.6, width * (1 - y / length) ** 0.7 + 0.3
                columns = np.arange(int(max(0, x - 3)), int(min(511, x + 3)) + 1)
                cover = np.clip(thick + 0.5 - np.abs(columns - x), 0, 1) * density
                pixels[base - y, columns, 3] = np.maximum(pixels[base - y, columns, 3], cover)
    return encode(pixels, "RGBA")
