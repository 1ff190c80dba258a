"""Meshes: subdivision, normals, cutting, and parts that carry morphs and joint weights."""
import numpy as np
import scipy.sparse as sp


def catmull_clark(faces, n):
    """One level for (mixed) polygons: a sparse operator from n vertices to the new ones, and the new quads."""
    edges, face_edges = {}, []
    for face in faces:
        face_edges.append([edges.setdefault((min(a, b), max(a, b)), len(edges)) for a, b in zip(face, face[1:] + face[:1])])
    nf, ne, ends = len(faces), len(edges), np.array(list(edges.keys()))
    fi, fv = np.repeat(np.arange(nf), [len(f) for f in faces]), np.concatenate([np.array(f) for f in faces])
    centre = sp.csr_matrix((np.concatenate([np.full(len(f), 1 / len(f)) for f in faces]), (fi, fv)), (nf, n))
    edge_face = sp.csr_matrix((np.ones(len(fi)), (np.concatenate([np.array(e) for e in face_edges]), fi)), (ne, nf))
    count = np.asarray(edge_face.sum(1)).ravel()
    inner = count >= 2
    middle = sp.csr_matrix((np.full(2 * ne, 0.5), (np.repeat(np.arange(ne), 2), ends.ravel())), (ne, n))
    edge_point = sp.diags(inner * 0.5) @ middle + sp.diags((~inner) * 1.0) @ middle
    edge_point += sp.diags(np.where(inner, 0.5 / np.maximum(count, 1), 0)) @ edge_face @ centre
    edge_valence, face_valence, rim_valence = np.zeros(n), np.zeros(n), np.zeros(n)
    np.add.at(edge_valence, ends.ravel(), 1)
    np.add.at(face_valence, fv, 1)
    np.add.at(rim_valence, ends[~inner].ravel(), 1)
    vertex_edge = sp.csr_matrix((np.ones(2 * ne), (ends.ravel(), np.repeat(np.arange(ne), 2))), (n, ne))
    vertex_face = sp.csr_matrix((np.ones(len(fi)), (fv, fi)), (n, nf))
    rim = rim_valence > 0
    k = np.maximum(edge_valence, 1)
    vertex_point = sp.diags(np.where(rim, 0, 1 / (k * np.maximum(face_valence, 1)))) @ vertex_face @ centre
    vertex_point += sp.diags(np.where(rim, 0, 2 / (k * k))) @ vertex_edge @ middle
    vertex_point += sp.diags(np.where(rim, 0.5, (k - 3) / k))
    rim_middle = sp.diags((~inner) * 1.0) @ middle
    vertex_point += sp.diags(np.where(rim, 0.5 / np.maximum(rim_valence, 1), 0)) @ vertex_edge @ rim_middle
    operator = sp.vstack([vertex_point, edge_point, centre]).tocsr()
    quads = [
        [face[j], n + edge[j], n + ne + i, n + edge[j - 1]]
        for i, (face, edge) in enumerate(zip(faces, face_edges)) for j in range(len(face))
    ]
    return operator, quads


def subdivide_uv(corners):
    """Texture coordinates per face corner, subdivided as `catmull_clark` orders its quads."""
    out = []
    for t in corners:
        m = len(t)
        out += [np.array([t[j], (t[j] + t[(j + 1) % m]) / 2, t.mean(0), (t[j] + t[j - 1]) / 2]) for j in range(m)]
    return out


def triangles(faces):
    return np.array([[f[0], f[i], f[i + 1]] for f in faces for i in range(1, len(f) - 1)])


def normals(points, tris):
    a, b, c = (points[tris[:, k]] for k in range(3))
    face, out = np.cross(b - a, c - a), np.zeros_like(points)
    for k in range(3):
        np.add.at(out, tris[:, k], face)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)


def unit(v):
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def smoothstep(x, a, b):
    t = np.clip((np.asarray(x) - a) / (b - a), 0, 1)
    return t * t * (3 - 2 * t)


def compact(faces, n):
    """The vertices that `faces` use, and the faces renumbered to them."""
    used = np.unique(np.concatenate([np.array(f) for f in faces]))
    place = -np.ones(n, int)
    place[used] = np.arange(len(used))
    return used, [[int(place[i]) for i in f] for f in faces]


class Part:
    """A mesh with texture coordinates per face corner, joint weights and morph deltas; `split` makes it renderable."""

    def __init__(self, name, material, points, weights, faces, uv, deltas=None, levels=0):
        self.name, self.material, self.points, self.weights = name, material, points, weights
        self.faces, self.uv_corners, self.deltas = faces, uv, deltas or {}
        self.colour = self.fixed_normals = None
        for _ in range(levels):
            operator, quads = catmull_clark(self.faces, len(self.points))
            self.uv_corners, self.faces = subdivide_uv(self.uv_corners), quads
            self.points, self.weights = operator @ self.points, operator @ self.weights
            self.deltas = {name: operator @ delta for name, delta in self.deltas.items()}
        self.tris = triangles(self.faces)

    def split(self):
        """One render vertex per (vertex, texture coordinate): `source`, `uv`, `indices`."""
        corners, uv = np.concatenate([np.array(f) for f in self.faces]), np.concatenate(self.uv_corners)
        key = np.concatenate([corners[:, None], np.round(uv * 16384).astype(int)], 1)
        _, first, place = np.unique(key, axis=0, return_index=True, return_inverse=True)
        place, at, indices = place.ravel(), 0, []
        for face in self.faces:
            indices += [[place[at], place[at + i], place[at + i + 1]] for i in range(1, len(face) - 1)]
            at += len(face)
        self.source, self.uv, self.indices = corners[first], uv[first], np.array(indices)
        return self


def raw_part(name, material, points, weights, uv, indices, fixed_normals=None, colour=None):
    """A part whose vertices are render vertices already."""
    part = Part.__new__(Part)
    part.name, part.material, part.points, part.weights, part.uv = name, material, points, weights, uv
    part.indices = part.tris = indices
    part.source, part.deltas, part.fixed_normals, part.colour = np.arange(len(points)), {}, fixed_normals, colour
    return part


def cut(attributes, tris, field):
    """Cuts triangles where `field` is above zero; `attributes`: (n, k). Also gives the new edges, as pairs of vertices."""
    rows, made, out, rim = list(attributes), {}, [], []

    def crossing(a, b):
        key = (min(a, b), max(a, b))
        if key not in made:
            t = field[a] / (field[a] - field[b])
            made[key] = len(rows)
            rows.append(attributes[a] + (attributes[b] - attributes[a]) * t)
        return made[key]

    for tri in tris:
        kept = [field[v] <= 0 for v in tri]
        if all(kept):
            out.append(list(tri))
            continue
        if not any(kept):
            continue
        polygon, fresh = [], []
        for k in range(3):
            a, b = tri[k], tri[(k + 1) % 3]
            if kept[k]:
                polygon.append(a)
            if kept[k] != kept[(k + 1) % 3]:
                fresh.append(crossing(a, b))
                polygon.append(fresh[-1])
        out += [[polygon[0], polygon[i], polygon[i + 1]] for i in range(1, len(polygon) - 1)]
        rim.append(tuple(fresh))
    rows, out = np.array(rows), np.array(out)
    used = np.unique(out)
    place = -np.ones(len(rows), int)
    place[used] = np.arange(len(used))
    return rows[used], place[out], [(place[a], place[b]) for a, b in rim]
