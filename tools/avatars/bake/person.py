"""Who is baked: the flags, the neutral shape, the 52 deltas and the joint weights, all on the base mesh."""
import argparse

import numpy as np

from . import source
from .shapes import ARKIT


def numbers(text):
    return np.array([float(x) for x in text.split(",")])


def flags(argv=None):
    parser = argparse.ArgumentParser(description="Bakes a head with the 52 ARKit blend shapes into a .glb")
    add = parser.add_argument
    add("--out", default="head.glb")
    add("--gender", type=float, default=0.0, help="0 female, 1 male")
    add("--age", type=float, default=0.0, help="0 young (25 years), 1 old")
    add("--race", type=numbers, default="0.34,0.33,0.33", help="African, Asian, Caucasian")
    add("--local", default="", help="further targets: NAME=WEIGHT;NAME=WEIGHT")
    add("--rest", default="", help="face units mixed into the rest pose: NAME=WEIGHT;NAME=WEIGHT")
    add("--skin", type=numbers, default="0.80,0.58,0.47")
    add("--lips", type=numbers, default="0.66,0.37,0.34")
    add("--hair", type=numbers, default="0.13,0.075,0.045")
    add("--brows", type=float, default=1.0, help="how thick")
    add("--style", default="bob", choices=["bob", "short", "none"])
    add("--iris", type=numbers, default="0.20,0.33,0.36")
    add("--cloth", type=numbers, default="0.16,0.22,0.30")
    add("--tex", type=int, default=2048, help="texels along a side of the skin's texture")
    add("--subdiv", type=int, default=1)
    add("--ribbons", type=int, default=1500, help="locks of hair")
    add("--seed", type=int, default=7)
    return parser.parse_args(argv)


# Vertices of the base mesh where the lips meet, in the middle: what the gap of the lips is measured between.
UPPER_LIP, LOWER_LIP = 474, 493
# Relaxed lips that meet.
REST = {"mouthShrugLower": 0.20, "mouthPressLeft": 0.06, "mouthPressRight": 0.06}


class Person:
    def __init__(self, args):
        self.args, self.female = args, args.gender < 0.5
        self.base, self.base_uv, self.faces, self.face_uv, self.face_group = source.base_mesh()
        self.groups, self.units = source.vertex_groups(), source.face_units()
        self.rng = np.random.default_rng(args.seed)
        self.shape = self.base + self._build()
        self.deltas = {name: self.units[name].copy() for name in ARKIT}
        self._rest()
        self._tongue()
        self.head, self.neck, self.jaw = self.centre("joint-head"), self.centre("joint-neck"), self.centre("joint-jaw")
        self.spine, self.top = self.centre("joint-spine-1"), self.centre("joint-head-2")
        self.eyes = {"Left": self.centre("helper-l-eye"), "Right": self.centre("helper-r-eye")}
        self.weights = self._weights()

    def centre(self, group):
        return self.shape[self.groups[group]].mean(0)

    def pick(self, names, also=lambda points: True):
        """Faces (and their texture coordinates) of groups, of which `also` holds."""
        return [
            (f, self.base_uv[t]) for f, t, g in zip(self.faces, self.face_uv, self.face_group)
            if g in names and also(self.shape[f])
        ]

    def _build(self):
        a, shift = self.args, 0
        race = a.race / a.race.sum()
        for gender, gender_weight in (("female", 1 - a.gender), ("male", a.gender)):
            for age, age_weight in (("young", 1 - a.age), ("old", a.age)):
                weight = gender_weight * age_weight
                if not weight:
                    continue
                shift = shift + weight * source.target(f"macrodetails/universal-{gender}-{age}-averagemuscle-averageweight")
                shift = shift + 0.7 * weight * source.target(
                    f"macrodetails/proportions/{gender}-{age}-averagemuscle-averageweight-idealproportions")
                for name, share in zip(("african", "asian", "caucasian"), race):
                    if share:
                        shift = shift + weight * share * source.target(f"macrodetails/{name}-{gender}-{age}")
        for name, weight in pairs(a.local):
            shift = shift + weight * source.target(name)
        return shift

    def _rest(self):
        """Mixes units into the neutral face. What of a blink is in it already, positive or negative, the blink need not do."""
        for name, weight in [*REST.items(), *pairs(self.args.rest)]:
            self.shape += weight * self.units[name]
            if name.startswith("eyeBlink"):
                self.deltas[name] = self.deltas[name] * (1 - weight)

    def _tongue(self):
        """The tongue lies in the jaw: it opens with the lower teeth, not half as far."""
        teeth, tongue = self.groups["helper-lower-teeth"], self.groups["helper-tongue"]
        rotation, from_, to = rigid(self.base[teeth], self.base[teeth] + self.units["jawOpen"][teeth])
        points = self.base[tongue]
        self.deltas["jawOpen"][tongue] = (points - from_) @ rotation.T + to - points
        # It lies flat and behind the teeth, and comes up when it comes out.
        low = self.shape[tongue].copy()
        tip = low[np.argmax(low[:, 2]), 1]
        low[:, 1] = np.minimum(low[:, 1], tip + (low[:, 1] - tip) * 0.6)
        low[:, 2] = low[:, 2].min() + (low[:, 2] - low[:, 2].min()) * 0.95 - 0.01
        self.deltas["tongueOut"][tongue] += self.shape[tongue] - low
        self.shape[tongue] = low

    def _weights(self):
        """Chest, neck and head."""
        rig, weights = source.rig_weights(), np.zeros((len(self.shape), 3))
        for bone, column in (("head", 2), ("neck_01", 1)):
            for at, weight in rig[bone]:
                weights[at, column] = weight
        weights[:, 0] = np.clip(1 - weights[:, 1] - weights[:, 2], 0, 1)
        return weights / weights.sum(1, keepdims=True)


def pairs(text):
    for pair in filter(None, text.split(";")):
        name, weight = pair.split("=")
        yield name, float(weight)


def rigid(a, b):
    """The rotation that takes the points a nearest to b, and both centres."""
    ca, cb = a.mean(0), b.mean(0)
    u, _, vt = np.linalg.svd((a - ca).T @ (b - cb))
    return vt.T @ np.diag([1, 1, np.sign(np.linalg.det(vt.T @ u.T))]) @ u.T, ca, cb
