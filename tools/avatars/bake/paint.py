"""Painting: solid noise, vertex values spread over texels, encoded images."""
import io

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt


def value_noise(points, seed):
    table = np.random.default_rng(seed).random(4096)
    cell = np.floor(points).astype(int)
    f = points - cell
    f = f * f * (3 - 2 * f)
    out = 0
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod([f[..., k] if corner[k] else 1 - f[..., k] for k in range(3)], axis=0)
        i, j, k = (cell[..., axis] + corner[axis] for axis in range(3))
        out = out + weight * table[((i * 73856093) ^ (j * 19349663) ^ (k * 83492791)) & 4095]
    return out - 0.5


def fractal_noise(points, octaves, seed):
    return sum(value_noise(points * 2**k, seed + k) / 2**k for k in range(octaves))


def spread(uv_polygons, values, size):
    """Rasterises `values` at the corners of polygons in texture space (v down); gaps take the nearest texel's."""
    out, filled = np.zeros((size, size, values[0].shape[1]), np.float32), np.zeros((size, size), bool)
    for uv, value in zip(uv_polygons, values):
        for i in range(1, len(uv) - 1):
            _triangle(out, filled, uv[[0, i, i + 1]] * size - 0.5, value[[0, i, i + 1]], size)
    nearest = distance_transform_edt(~filled, return_distances=False, return_indices=True)
    return out[nearest[0], nearest[1]]


def _triangle(out, filled, t, value, size):
    low, high = np.maximum(np.floor(t.min(0)).astype(int), 0), np.minimum(np.ceil(t.max(0)).astype(int) + 1, size)
    if (high <= low).any() or (high - low).max() > size * 0.4:  # the second: a face across the seam
        return
    xs, ys = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
    d = (t[1, 1] - t[2, 1]) * (t[0, 0] - t[2, 0]) + (t[2, 0] - t[1, 0]) * (t[0, 1] - t[2, 1])
    if abs(d) < 1e-9:
        return
    a = ((t[1, 1] - t[2, 1]) * (xs - t[2, 0]) + (t[2, 0] - t[1, 0]) * (ys - t[2, 1])) / d
    b = ((t[2, 1] - t[0, 1]) * (xs - t[2, 0]) + (t[0, 0] - t[2, 0]) * (ys - t[2, 1])) / d
    c = 1 - a - b
    inside = (a >= -1e-3) & (b >= -1e-3) & (c >= -1e-3)
    colour = a[..., None] * value[0] + b[..., None] * value[1] + c[..., None] * value[2]
    out[ys[inside], xs[inside]] = colour[inside]
    filled[ys[inside], xs[inside]] = True


def encode(pixels, mode="RGB"):
    """PNG: the compressor makes WebP of it, once."""
    buffer = io.BytesIO()
    Image.fromarray((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8), mode).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def normal_map(height, step_u, step_v):
    x = np.clip(-np.gradient(height, axis=1) / step_u, -0.6, 0.6)
    y = np.clip(np.gradient(height, axis=0) / step_v, -0.6, 0.6)
    n = np.stack([x, y, np.ones_like(x)], -1)
    return n / np.linalg.norm(n, axis=-1, keepdims=True) * 0.5 + 0.5
