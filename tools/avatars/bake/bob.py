"""A bob with a side parting, to the chin."""
import numpy as np
from scipy.ndimage import gaussian_filter1d, map_coordinates

from .mesh import normals, raw_part, smoothstep, unit
from .skull import direction, slerp

PARTING = 0.30  # azimuth where the parting meets the hairline
FRONT = 0.90  # azimuth, at the ears, of the hair's front edge
FALL = 0.60  # share of the way that lies on the skull


def surface(person, skull, columns, rows, longer=0.0):
    """Columns from the front edge of one side around the back to that of the other; rows from the parting to the tips."""
    v, t = np.linspace(-1, 1, columns)[:, None], np.linspace(0, 1, rows)[None, :]
    front = np.abs(v)
    hairline = skull.at_height(np.array([PARTING]), skull.limit(np.array([PARTING])) + 0.02)
    crown = direction(np.array([np.pi]), np.array([1.05]))
    root = slerp(crown, hairline, smoothstep(front[:, 0], 0.0, 0.92))
    azimuth = np.sign(v + 1e-9) * np.interp(front, [0, 0.35, 0.7, 1], [np.pi, 2.35, 1.72, FRONT])
    ear = skull.at_height(azimuth[:, 0], np.full(columns, -0.12))
    along = np.clip(t / FALL, 0, 1)
    way = slerp(np.repeat(root[:, None], rows, 1), np.repeat(ear[:, None], rows, 1), along * np.ones_like(v))
    edge = smoothstep(front, 0.80, 1.0)
    lift = 0.045 + 0.115 * smoothstep(along, 0.0, 0.30) * (1 - 0.55 * edge * (1 - along)) + 0.03 * smoothstep(along, 0.5, 1)
    lift = lift * (1 - 0.55 * edge * smoothstep(along, 0.3, 1.0))  # the front edge lies close, before the ears
    points = skull.centre + way * (skull.reach(way) + lift)[..., None]
    _clear_ears(points, skull)
    down = np.clip((t - FALL) / (1 - FALL), 0, 1) * np.ones_like(v)
    _hang(points, person, down, front * np.ones_like(t), rows, longer)
    rough = points
    for axis, strength in ((1, rows / 18), (0, columns / 70)):
        points = gaussian_filter1d(points, strength, axis=axis, mode="nearest")
    parting = smoothstep(t, 0.0, 0.12)[..., None]  # smoothing must not open it
    return rough * (1 - parting) + points * parting


def _clear_ears(points, skull):
    """Hair lies over the ears."""
    y, z = points[..., 1], points[..., 2]
    near = smoothstep(skull.ear_top + 0.50 - y, 0.0, 0.60) * smoothstep(z, skull.ear_back - 0.55, skull.ear_back - 0.05)
    near = near * smoothstep(skull.ear_front + 0.32 - z, 0.0, 0.28)
    least = skull.ear_out + 0.04
    x = np.abs(points[..., 0])
    points[..., 0] = np.sign(points[..., 0]) * (x + np.maximum(least - x, 0) * near)


def _hang(points, person, down, front, rows, longer):
    """Below the ears hair falls straight, a little longer in front, with its tips turned in."""
    start = np.argmax(down[0] > 0) - 1
    from_ = points[:, start:start + 1]
    length = from_[..., 1] - (person.jaw[1] - 0.02 - longer + 0.16 * (1 - front))
    hanging = np.repeat(from_, rows, 1)
    hanging[..., 1] = from_[..., 1] - length * down
    turn = 1 + 0.05 * np.sin(np.pi * down) - 0.10 * smoothstep(down, 0.45, 1.0) - 0.10 * down * (1 - front)
    hanging[..., 0] *= turn
    hanging[..., 2] = (hanging[..., 2] - 0.1) * turn + 0.1
    points[:, start + 1:] = hanging[:, start + 1:]


def shell(person, skull):
    from .hair import grid_shell
    fine = person.args.subdiv > 0
    points = surface(person, skull, 97 if fine else 57, 33 if fine else 20)
    columns, rows, _ = points.shape
    t = np.linspace(0, 1, rows)[None, :] * np.ones((columns, 1))
    shades = 0.42 + 0.28 * smoothstep(t, 0, 0.3)
    thickness = np.full((columns, rows), 0.05)
    body, tris, outward, colour = grid_shell(points, thickness, shades, wrap=False)
    v = np.linspace(0, 1, columns)[:, None] * np.ones((1, rows))
    uv = np.tile(np.stack([v * 7, t * 1.5], -1).reshape(-1, 2), (2, 1))
    return raw_part("hair-shell", "hair-shell", body, np.tile([0, 0, 1.0], (len(body), 1)), uv, tris, outward, colour)


def locks(person, skull, steps=14):
    """Locks from near the parting to the tips, on the shell and a little over it."""
    n, rng = person.args.ribbons * 3 // 5, np.random.default_rng(person.args.seed)
    grid = surface(person, skull, 129, 49, longer=0.05)
    columns, rows, _ = grid.shape
    index = np.arange(columns * rows).reshape(columns, rows)
    quads = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], -1).reshape(-1, 4)
    outward = normals(grid.reshape(-1, 3), np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]))
    if (outward * (grid.reshape(-1, 3) - skull.centre)).sum() < 0:
        outward = -outward
    outward = outward.reshape(grid.shape)
    v = rng.random(n)
    v[: n // 8] = np.where(rng.random(n // 8) < 0.5, 0.0, 1.0) + rng.normal(size=n // 8) * 0.012  # soften the front edges
    begin, end = rng.random(n) ** 2 * 0.42, np.clip(1.02 - rng.random(n) ** 2 * 0.2, 0, 1)
    t = begin[:, None] + (end - begin)[:, None] * np.linspace(0, 1, steps)
    sway = rng.normal(size=n)[:, None] * 0.012 * np.sin(t * rng.uniform(2, 5, n)[:, None] + rng.uniform(0, 6, n)[:, None])
    at = [(np.clip(v[:, None] + sway, 0, 1) * (columns - 1)), np.clip(t, 0, 1) * (rows - 1)]
    take = lambda field: np.stack([map_coordinates(field[..., k], at, order=1, mode="nearest") for k in range(3)], -1)
    paths, out = take(grid), unit(take(outward))
    layer = rng.random(n) ** 1.5
    over = (0.008 + 0.040 * layer)[:, None] * smoothstep(t, 0.0, 0.12) + 0.02 * rng.random(n)[:, None] * smoothstep(t, 0.7, 1)
    over = over - 0.065 * (1 - smoothstep(np.linspace(0, 1, steps), 0, 0.2)) * (begin > 0.02)[:, None]
    paths = paths + out * over[..., None]
    paths[:, :, 1] -= (rng.random(n) * 0.05)[:, None] * smoothstep(t, 0.85, 1.0)
    tone = (0.72 + 0.42 * rng.random(n)) * (0.72 + 0.36 * layer)
    shades = np.clip(tone[:, None] * np.interp(t, [0, 0.15, 1], [0.62, 0.92, 1.08]), 0, 1.2) / 1.2
    widths = (0.032 + 0.022 * rng.random(n)) * (1500 / person.args.ribbons) ** 0.5
    return paths, out, widths, shades
