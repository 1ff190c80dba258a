"""The head as a height field around its middle: what hair lies on; and the hairline."""
import numpy as np
import trimesh
from scipy.ndimage import gaussian_filter, map_coordinates
from trimesh.ray.ray_pyembree import RayMeshIntersector

from .mesh import unit

ROWS, COLUMNS = 91, 181


class Skull:
    def __init__(self, person, skin):
        eye = person.eyes["Left"]
        self.eye_y, self.centre = eye[1], np.array([0, eye[1] + 0.30, 0.18])
        self.female, self.style = person.female, person.args.style
        azimuth, elevation = np.meshgrid(np.linspace(-np.pi, np.pi, COLUMNS), np.linspace(-np.pi / 2, np.pi / 2, ROWS))
        self.radius = self._cast(skin, direction(azimuth, elevation))
        ear = self._ear(skin.points)
        self.ear_out, self.ear_top = np.abs(ear[:, 0]).max(), ear[:, 1].max()
        self.ear_front, self.ear_back = ear[:, 2].max(), ear[:, 2].min()
        azimuth = np.abs(angles(self.toward(ear))[0])
        self.ear_span = azimuth.min(), azimuth.max()

    def _ear(self, points):
        """What stands out of the head at its sides."""
        way = self.toward(points)
        azimuth = np.abs(angles(way)[0])
        out = np.linalg.norm(points - self.centre, axis=1) - self.reach(way)
        return points[(out > 0.05) & (azimuth > 1.0) & (azimuth < 2.3) & (np.abs(points[:, 1] - self.eye_y) < 0.6)]

    def _cast(self, skin, rays):
        """The first hit from inside is the head itself, not the ears."""
        mesh = trimesh.Trimesh(skin.points, skin.tris, process=False)
        flat = rays.reshape(-1, 3)
        where, which, _ = RayMeshIntersector(mesh).intersects_location(
            np.tile(self.centre, (len(flat), 1)), flat, multiple_hits=False)
        found = np.full(len(flat), np.nan)
        found[which] = np.linalg.norm(where - self.centre, axis=1)
        found = found.reshape(rays.shape[:2])
        found[np.isnan(found) | (found > 1.8)] = 1.2
        wide = np.concatenate([found[:, -31:-1], found, found[:, 1:31]], 1)
        return gaussian_filter(wide, 1.5, mode="nearest")[:, 30:-30]

    def reach(self, directions):
        azimuth, elevation = angles(directions)
        row = (elevation / np.pi + 0.5) * (ROWS - 1)
        column = (azimuth / (2 * np.pi) + 0.5) * (COLUMNS - 1)
        return map_coordinates(self.radius, [row, column], order=1, mode="nearest")

    def toward(self, points):
        return unit(points - self.centre)

    def limit(self, azimuth):
        """Height of the hairline over the eyes."""
        a = np.abs(azimuth)
        if self.style == "short":
            before, behind = self.ear_span
            top = self.ear_top - self.eye_y
            return np.interp(
                a, [0, 0.30, 0.50, 0.66, before - 0.34, before - 0.26, before - 0.20, before - 0.05, before + 0.02,
                    (before + behind) / 2, behind, behind + 0.12, 1.95, 2.5, 3.15],
                [0.68, 0.69, 0.70, 0.56, 0.36, 0.12, -0.14, -0.16, top + 0.02, top + 0.08, top - 0.02, -0.34, -0.60, -0.65, -0.66])
        return np.interp(a, [0, 0.45, 0.8, 1.05, 1.35, 1.62, 1.9, 2.3, 3.2],
                         [0.68, 0.69, 0.60, 0.42, 0.26, -0.10, -0.42, -0.66, -0.72])

    def hairline(self, points):
        """Above zero grows hair."""
        d = points - self.centre
        return points[..., 1] - self.eye_y - self.limit(np.arctan2(d[..., 0], d[..., 2]))

    def at_height(self, azimuth, height):
        """Directions of these azimuths to where the skull is `height` over the eyes."""
        low, high = np.full_like(azimuth, -1.3), np.full_like(azimuth, 1.5)
        for _ in range(30):
            middle = (low + high) / 2
            d = direction(azimuth, middle)
            above = self.centre[1] + self.reach(d) * d[:, 1] - self.eye_y > height
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return direction(azimuth, (low + high) / 2)


def direction(azimuth, elevation):
    return np.stack([np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)], -1)


def angles(directions):
    return np.arctan2(directions[..., 0], directions[..., 2]), np.arcsin(np.clip(directions[..., 1], -1, 1))


def slerp(a, b, t):
    """Along the great circle from a to b."""
    t = np.asarray(t)[..., None]
    angle = np.arccos(np.clip((a * b).sum(-1, keepdims=True), -1, 1))
    sine = np.maximum(np.sin(angle), 1e-6)
    return unit((np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / sine)
