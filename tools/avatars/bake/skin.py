"""The skin: head, neck and what the collar shows of the chest; its colours, normals and roughness."""
import numpy as np
import trimesh
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from trimesh.ray.ray_pyembree import RayMeshIntersector

from . import source
from .brows import brows
from .mesh import Part, compact, normals, smoothstep, subdivide_uv, triangles
from .paint import encode, fractal_noise, normal_map, spread, value_noise
from .person import UPPER_LIP
from .shirt import neckline

FACE, MOUTH, RIM = 0, 1, 2  # the last: the inner rims of the lids
AXIS = 0.15  # z of the head's vertical axis


def face_uv(person, points, centre):
    """A cylinder around the head, with more texels for the front."""
    angle = np.arctan2(points[:, 0], points[:, 2] - AXIS)
    if abs(np.arctan2(centre[0], centre[2] - AXIS)) > 2.2:  # the seam at the back belongs to this face's side
        angle = np.where((np.abs(points[:, 0]) < 1e-4) | (np.sign(angle) != np.sign(centre[0])),
                         np.sign(centre[0]) * np.abs(angle), angle)
    u = 0.5 + 0.5 * np.sign(angle) * (np.abs(angle) / np.pi) ** 0.72
    low, chin = person.neck[1] - 1.55, person.jaw[1] - 0.15
    v = np.interp(points[:, 1], [low, chin, person.top[1] - 0.55, person.top[1] + 0.25], [1.0, 0.80, 0.10, 0.0])
    return np.stack([u, v * 0.86], 1)


def select(person):
    """Faces, their texture coordinates in the atlas and in the source, and which region each belongs to."""
    faces, uvs, original, region = [], [], [], []
    for face, uv in person.pick(("body",)):
        points = person.shape[face]
        centre, middle = points.mean(0), uv.mean(0)
        below = neckline(person, centre[None])[0] < -0.75
        if points[:, 1].min() < person.neck[1] - 1.25 or np.abs(points[:, 0]).max() > 1.95 or below:
            continue
        if middle[0] > 0.75 and middle[1] < 0.145:
            region.append(MOUTH)
            uvs.append(np.stack([0.60 + (uv[:, 0] - 0.755) / 0.17 * 0.38, 0.87 + (1 - uv[:, 1] - 0.86) / 0.13 * 0.125], 1))
        elif middle[0] < 0.16 and 0.54 < middle[1] < 0.64:
            region.append(RIM)
            uvs.append(np.stack([0.01 + (uv[:, 0] - 0.01) / 0.15 * 0.55, 0.87 + (1 - uv[:, 1] - 0.365) / 0.09 * 0.125], 1))
        else:
            region.append(FACE)
            uvs.append(face_uv(person, points, centre))
        faces.append(face)
        original.append(uv)
    return faces, uvs, original, np.array(region)


def occlusion(points, outward, tris, extra, rays=96):
    """How much of the sky each vertex sees, 0 to 1."""
    scene = trimesh.Trimesh(np.concatenate([points, extra[0]]), np.concatenate([tris, extra[1] + len(points)]), process=False)
    caster, hits, rng = RayMeshIntersector(scene), np.zeros(len(points)), np.random.default_rng(1)
    for _ in range(rays):
        d = rng.normal(size=(len(points), 3))
        d = d / np.linalg.norm(d, axis=1, keepdims=True) + outward
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        hits += caster.intersects_any(points + outward * 0.012, d)
    seen = np.clip((1 - hits / rays) / 0.92, 0, 1)
    for _ in range(2):  # few rays are noisy
        total, count = np.zeros(len(seen)), np.zeros(len(seen))
        for a, b in ((0, 1), (1, 2), (2, 0)):
            np.add.at(total, tris[:, a], seen[tris[:, b]])
            np.add.at(count, tris[:, a], 1)
        seen = (seen + total / np.maximum(count, 1)) / 2
    return seen


def build(person):
    faces, uvs, original, region = select(person)
    used, local = compact(faces, len(person.shape))
    levels = person.args.subdiv
    skin = Part("skin", "skin", person.shape[used], person.weights[used], local, uvs,
                {name: delta[used] for name, delta in person.deltas.items()}, levels)
    for _ in range(levels):
        region, original = np.repeat(region, 4), subdivide_uv(original)
    skin.region, skin.normals = region, normals(skin.points, skin.tris)
    eyes = triangles([f for f, _ in person.pick(("helper-l-eye", "helper-r-eye"))])
    skin.occlusion = occlusion(skin.points, skin.normals, skin.tris, (person.shape, eyes))
    skin.original_uv = original
    _under_shirt(person, skin)
    _seal_lips(person, skin)
    skin.split()
    dark = np.clip(skin.occlusion[skin.source] / 0.35, 0.16, 1)
    skin.colour = dark[:, None] ** np.array([0.6, 1.0, 1.0])
    return skin


def _seal_lips(person, skin, step=0.012, reach=0.30):
    """Lifts the lower lip where a slit would stay open beside the middle; the middle, where the gap is measured, stays."""
    middle, jaw = person.shape[UPPER_LIP], skin.deltas["jawOpen"][:, 1]
    x = np.abs(skin.points[:, 0])
    near = (np.abs(skin.points[:, 1] - middle[1]) < 0.12) & (skin.points[:, 2] > middle[2] - 0.35) & (x < reach)
    edges = np.concatenate([skin.tris[:, [0, 1]], skin.tris[:, [1, 2]], skin.tris[:, [2, 0]]])
    edges = edges[near[edges].all(1)]
    known = np.stack([x, skin.points[:, 1], jaw], 1)
    samples = np.concatenate([known[edges[:, 0]] * (1 - t) + known[edges[:, 1]] * t for t in np.linspace(0, 1, 7)])
    samples = samples[np.abs(samples[:, 1] - middle[1]) < 0.04]
    places, lifts = np.arange(0.03, reach, step), []
    for place in places:
        _, y, opens = samples[np.abs(samples[:, 0] - place) < step].T
        if len(opens) == 0 or np.ptp(opens) < 0.022:  # past the corner
            break
        lower = opens < (opens.min() + opens.max()) / 2
        overlap = np.interp(place, [0.05, 0.12, 0.19], [0.003, 0.011, 0.015])
        lifts.append(np.clip(y[~lower].min() + overlap - y[lower].max(), 0, 0.03))
    places = places[: len(lifts)]
    corner = places[-1] + step
    lift = np.interp(x, np.concatenate([[0], places, [corner + 0.02]]), gaussian_filter1d([0, *lifts, 0], 1.2))
    opens = np.interp(x, [0, corner], [np.abs(jaw[near]).max() / 2, 0.11])
    below = smoothstep(skin.points[:, 1], middle[1] - 0.16, middle[1] - 0.02) * smoothstep(-jaw, opens * 0.8, opens * 1.1)
    skin.points[:, 1] += lift * below * (skin.points[:, 2] > middle[2] - 0.4) * (x < corner + 0.02)


def _under_shirt(person, skin):
    """Draws the skin in where the shirt covers it, so that it never comes through."""
    depth = -neckline(person, skin.points)
    body = skin.points[:, 1] < person.neck[1] + 0.3
    skin.points = skin.points - skin.normals * (smoothstep(depth, 0.06, 0.24) * 0.035 * body)[:, None]


class Canvas:
    """What is known of every texel of the skin's texture."""

    def __init__(self, person, skin):
        size, self.size = person.args.tex, person.args.tex
        sample = lambda image, uv: _sample(np.array(image), uv)
        lips, lids = source.mask("lips"), source.mask("eyelids")
        values = []
        # Folds (nostrils, the insides of lips) share texels with what lies over them: the outermost is painted last.
        radius = [np.hypot(*(skin.points[face].mean(0)[[0, 2]] - [0, AXIS])) for face in skin.faces]
        order = np.argsort(radius, kind="stable")
        for i in order:
            face, uv, region = np.array(skin.faces[i]), skin.original_uv[i], skin.region[i]
            values.append(np.concatenate([
                skin.points[face], skin.occlusion[face][:, None], np.full((len(face), 1), region), uv], 1))
        texels = spread([skin.uv_corners[i] for i in order], values, size)
        self.points, self.occlusion = texels[..., :3], texels[..., 3]
        self.region, uv = np.round(texels[..., 4]).astype(int), texels[..., 5:7]
        face = self.region == FACE
        self.lips = gaussian_filter(_smooth(sample(lips, uv), size) * face, size / 700)
        self.lids = _smooth(sample(lids, uv), size) * face
        self.step_u = np.linalg.norm(np.gradient(self.points, axis=1), axis=-1) + 1e-5
        self.step_v = np.linalg.norm(np.gradient(self.points, axis=0), axis=-1) + 1e-5

    def blob(self, centre, radius):
        return np.exp(-((self.points - np.array(centre)) ** 2).sum(-1) / (2 * radius * radius))


def _sample(image, uv):
    h, w = image.shape
    at_y, at_x = ((1 - uv[..., 1]) * h).astype(int), (uv[..., 0] * w).astype(int)
    return image[np.clip(at_y, 0, h - 1), np.clip(at_x, 0, w - 1)] / 255.0


def _smooth(values, size):
    return gaussian_filter(values, size / 1000)


def paint(person, skin, hairline):
    """The three textures: colour, normals, and occlusion with roughness."""
    canvas, args = Canvas(person, skin), person.args
    points, inner = canvas.points, canvas.region == MOUTH
    # Detail finer than a texel would only be streaks.
    sharp = np.clip(0.012 / np.maximum(canvas.step_u, canvas.step_v) - 0.4, 0, 1)
    blotch, fine = fractal_noise(points * 2.2, 3, 11), fractal_noise(points * 20, 2, 21) * sharp
    pores, lines = value_noise(points * 62, 31) * sharp, fractal_noise(points * np.array([38, 9, 9]), 2, 41)
    nose = skin.points[np.argmax(np.where(np.abs(skin.points[:, 0]) < 0.15, skin.points[:, 2], -9)
                                 * (skin.points[:, 1] > person.jaw[1] + 0.3))]
    colour = args.skin * (1 + 0.035 * blotch[..., None] + 0.022 * fine[..., None] + 0.02 * pores[..., None])
    colour = _flush(person, canvas, colour, nose)
    tone = 0.45 + 0.55 * args.skin / np.array([0.80, 0.58, 0.47])
    lips = np.clip(canvas.lips, 0, 1)[..., None] * 0.85
    colour = colour * (1 - lips) + lips * args.lips * tone * (1 + 0.12 * lines[..., None])
    # The lips go on inside, and darken with depth: no edge where the texture's islands meet.
    deep = smoothstep(canvas.occlusion[inner], 0.40, 0.10)[..., None]
    colour[inner] = args.lips * tone * 0.92 * (1 - deep) + np.array([0.40, 0.14, 0.13]) * (1 + 0.15 * blotch[inner][..., None]) * deep
    near_lips = np.clip(gaussian_filter(canvas.lips, canvas.size / 120) * 3, 0, 1)
    shade = np.clip(np.maximum(canvas.occlusion, np.where(inner, 0.12, 0.30 * near_lips)), 0, 1)
    colour = colour * shade[..., None] ** np.array([0.55, 0.85, 0.95])
    brow = brows(person, canvas)
    colour = colour * (1 - brow[..., None]) + brow[..., None] * (args.hair * 1.1 + 0.012)
    colour = _scalp(person, canvas, colour, hairline)
    height = 0.0015 * pores + 0.0015 * fine * (1 - canvas.lips) + 0.0035 * lines * canvas.lips
    relief = normal_map(np.where(inner, 0, height), canvas.step_u, canvas.step_v)
    rough = _roughness(person, canvas, nose) + 0.08 * fine + 0.2 * brow
    rough = np.where(inner, 0.5, rough) + 0.35 * smoothstep(shade, 0.75, 0.35) * np.maximum(near_lips, inner)
    rough = np.clip(rough, 0.2, 0.95)
    return {
        "skin": encode(np.clip(colour, 0, 1)), "nrm": encode(relief),
        "orm": encode(np.stack([shade, rough, np.zeros_like(rough)], -1)),
    }


def _flush(person, canvas, colour, nose):
    """Blood under the skin: cheeks, nose, chin and the rims of the lids; shade under the eyes and on the lids."""
    red = 0.4 * (canvas.region == RIM)
    spots = [(nose, 0.16, 0.5), ((0, person.jaw[1] + 0.10, person.jaw[2]), 0.22, 0.25)]
    for side, eye in ((1, person.eyes["Left"]), (-1, person.eyes["Right"])):
        spots.append((eye + [side * 0.24, -0.44, 0.05], 0.30, 0.75 if person.female else 0.5))
    for centre, radius, strength in spots:
        red = red + strength * canvas.blob(centre, radius)
    colour = colour * (1 - red[..., None] * np.array([0.02, 0.14, 0.13]))
    under = sum(canvas.blob(eye + np.array([0.02 * np.sign(eye[0]), -0.20, 0.22]), 0.13) for eye in person.eyes.values())
    colour = colour * (1 - 0.10 * under[..., None] * np.array([0.6, 1.0, 0.8]))
    return colour * (1 - 0.16 * canvas.lids[..., None] * np.array([0.5, 1, 1]))


def _scalp(person, canvas, colour, hairline):
    """Hair roots: full under the hair, single and short at its edge."""
    if person.args.style == "none":
        return colour
    points = canvas.points
    short = person.args.style == "short"
    stipple = value_noise(points * np.array([55, 16, 55]), 57) * (0.10 if short else 0.02)
    edge = hairline(points) + 0.03 * fractal_noise(points * 5, 2, 59)
    cover = smoothstep(edge + stipple, -0.04 if short else 0.02, 0.13) * (canvas.region == FACE) * (points[..., 1] > person.neck[1] + 0.2)
    cover = np.clip(cover, 0, 1)[..., None] * 0.92
    return colour * (1 - cover) + cover * person.args.hair * 0.8


def _roughness(person, canvas, nose):
    eyes = person.eyes
    oily = 0.6 * canvas.blob(nose, 0.25) + 0.5 * canvas.blob((0, eyes["Left"][1] + 0.55, eyes["Left"][2] + 0.2), 0.45)
    for side, eye in ((1, eyes["Left"]), (-1, eyes["Right"])):
        oily = oily + 0.3 * canvas.blob(eye + [side * 0.2, -0.4, 0.1], 0.3)
    return 0.60 - 0.13 * oily - 0.20 * canvas.lips
