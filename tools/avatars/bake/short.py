"""Short hair: cropped at the sides, longer on top, swept to one side."""
import numpy as np

from .mesh import raw_part, smoothstep, unit
from .skull import angles, direction, slerp

CROWN = direction(np.array(np.pi), np.array(1.05))
POLE = direction(np.array(np.pi), np.array(1.55))
SWEEP = np.array([-0.80, 0.12, -0.38])  # the way that the hair on top lies


def lift(skull, directions):
    """How high the hair stands over the skull."""
    azimuth, _ = angles(directions)
    points = skull.centre + directions * skull.reach(directions)[..., None]
    inside = points[..., 1] - skull.eye_y - skull.limit(azimuth)
    top = smoothstep(points[..., 1] - skull.eye_y, 0.35, 0.95)
    front = smoothstep(directions[..., 2], 0.1, 0.75)
    height = 0.050 + top * (0.085 + 0.085 * front)
    return height * smoothstep(inside, -0.02, 0.16 + 0.02 * front) - 0.012


def place(skull, directions):
    return skull.centre + directions * (skull.reach(directions) + lift(skull, directions))[..., None]


def shell(person, skull):
    from .hair import grid_shell
    fine = person.args.subdiv > 0
    columns, rows = (128, 30) if fine else (72, 16)
    azimuth = np.linspace(-np.pi, np.pi, columns + 1)[:-1]
    rim = skull.at_height(azimuth, skull.limit(azimuth) - 0.01)
    t = (np.linspace(0, 1, rows) ** 0.8)[:, None] * np.ones((1, columns))
    way = slerp(np.broadcast_to(POLE, (rows, columns, 3)), np.repeat(rim[None], rows, 0), t)
    points = place(skull, way)
    shades = np.full((rows, columns), 0.60) - 0.15 * smoothstep(t, 0.75, 1)
    body, tris, outward, colour = grid_shell(points, np.full((rows, columns), 0.03), shades, wrap=True)
    flow = points - skull.centre
    uv = np.stack([flow[..., 2] * 2.2 - flow[..., 0] * 0.8, flow[..., 0] * 0.7 + flow[..., 1] * 0.9], -1).reshape(-1, 2)
    uv = np.tile(uv, (2, 1))
    return raw_part("hair-shell", "hair-shell", body, np.tile([0, 0, 1.0], (len(body), 1)), uv, tris, outward, colour)


def locks(person, skull, steps=6):
    n, rng = person.args.ribbons * 5 // 2, np.random.default_rng(person.args.seed)
    azimuth = rng.uniform(-np.pi, np.pi, n)
    rim = skull.at_height(azimuth, skull.limit(azimuth) + 0.005 + 0.03 * smoothstep(np.cos(azimuth), 0.3, 0.8))
    # Even over the skull: the crown gets few, the rim many.
    way = slerp(np.broadcast_to(POLE, (n, 3)), rim, np.sqrt(rng.random(n)) * 0.995)
    root_height = place(skull, way)[:, 1] - skull.eye_y
    top = smoothstep(root_height, 0.42, 0.92)[:, None]
    front = smoothstep(way[:, 2], 0.2, 0.75)[:, None] * top
    ahead = smoothstep(np.cos(angles(way)[0]), 0.0, 0.6)[:, None]
    fall = unit(way - CROWN) * (1 - 0.8 * ahead) + np.array([0, -0.8, -0.25]) + ahead * np.array([0, 0.1, -0.7])
    flow = (1 - top) * unit(fall) + top * ((1 - front) * SWEEP + front * np.array([-0.62, 0.55, -0.30]))
    flow = unit(flow + rng.normal(size=(n, 3)) * (0.10 + 0.06 * top))
    inside = smoothstep(root_height - skull.limit(angles(way)[0]), 0, 0.35)
    length = ((0.06 + 0.07 * inside + 0.07 * rng.random(n)) + (0.20 + 0.16 * rng.random(n)) * top[:, 0])[:, None]
    stand = ((0.004 + 0.016 * rng.random(n)) + (0.030 * rng.random(n)) * top[:, 0])
    paths, out, at = [], [], way
    for k in range(steps):
        share = k / (steps - 1)
        paths.append(place(skull, at) + at * (stand * (0.2 + share) - 0.012 * (1 - share))[:, None])
        out.append(at)
        tangent = unit(flow - at * (flow * at).sum(1, keepdims=True))
        step = tangent * length / (steps - 1) / 1.05
        at = unit(at + step)
        flow = unit(flow + np.array([0, -0.10, -0.05]) * top)
    paths, out = np.stack(paths, 1), np.stack(out, 1)
    layer = rng.random(n)
    tone = (0.78 + 0.36 * rng.random(n)) * (0.82 + 0.24 * layer)
    shades = np.clip(tone[:, None] * np.interp(np.linspace(0, 1, steps), [0, 0.3, 1], [0.6, 0.92, 1.1]), 0, 1.3) / 1.3
    widths = (0.017 + 0.012 * rng.random(n) + 0.010 * top[:, 0]) * (1500 / person.args.ribbons) ** 0.5
    return paths, out, widths, shades
