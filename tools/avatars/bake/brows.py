"""Eyebrows: painted hair by hair, seen from the front."""
import numpy as np


def brows(person, canvas):
    cover = np.zeros((canvas.size, canvas.size), np.float32)
    for side, eye in ((1, person.eyes["Left"]), (-1, person.eyes["Right"])):
        u, w = canvas.points[..., 0], canvas.points[..., 1]
        region = (canvas.points[..., 2] > eye[2] - 0.2) & (canvas.region == 0)
        region &= (np.abs(u - eye[0]) < 0.5) & (w > eye[1] + 0.1) & (w < eye[1] + 0.7)
        cover[region] = np.maximum(cover[region], _brow(person, side, eye, u[region], w[region]))
    return cover


def _brow(person, side, eye, px, py):
    female, thickness = person.female, person.args.brows
    rng, cover = np.random.default_rng(5), np.zeros(len(px), np.float32)
    start, end = eye[0] - side * 0.18, eye[0] + side * 0.28
    base = eye[1] + (0.225 if female else 0.19)
    for _ in range(int((420 if female else 560) * thickness)):
        t = rng.beta(1.15, 1.25)
        x = start + (end - start) * t
        arch = (0.060 if female else 0.045) * np.sin(np.pi * min(1, t * 1.02) ** 1.15) - 0.02 * t
        # Thin and loose where it begins, full at a third, a point at its end.
        width = (0.036 if female else 0.050) * (1 - 0.74 * t**1.6) * (0.62 + 0.38 * min(1, t * 5)) * thickness**0.5
        y = base + arch + np.clip(rng.normal(), -1.8, 1.8) * width * 0.45
        angle = np.deg2rad(58 - 62 * min(1, t * 1.5) + rng.normal() * 8)
        length = (0.070 - 0.02 * t) * rng.uniform(0.7, 1.2)
        dx, dy, qx, qy = side * np.cos(angle), np.sin(angle), px - x, py - y
        along, across = qx * dx + qy * dy, -qx * dy + qy * dx
        hair = np.clip(1 - np.abs(across) / 0.0048, 0, 1) * ((along > 0) & (along < length))
        hair = hair * np.clip(1 - along / length, 0, 1) ** 0.35
        strength = rng.uniform(0.45, 0.85) * (0.55 + 0.45 * min(1, t * 6))
        cover = np.maximum(cover, hair * strength)
        cover += 0.009 * (0.4 + 0.6 * min(1, t * 6)) * np.exp(-(qx**2 + qy**2) / (2 * 0.022**2))
    return np.clip(cover, 0, 0.93)
