#!/usr/bin/env python3
"""Write sums.txt: the values scipy finds for the instances of instances.go."""
import os
import numpy as np
from scipy.optimize import linear_sum_assignment

WIDTH, MASK = 64, (1 << 64) - 1


class Splitmix:
    def __init__(self, seed): self.s = seed

    def below(self, n):
        self.s = (self.s + 0x9e3779b97f4a7c15) & MASK
        z = self.s
        z = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & MASK
        z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & MASK
        return ((z ^ (z >> 31)) >> 32) % n

    def matrix(self, rows, cols): return np.array([float(self.below(31)) - 15 for _ in range(rows * cols)])


def instance(kind, rows, cols, seed):
    r = Splitmix(seed)
    if kind in ("uniform", "coarse"):
        n = 1 << 20 if kind == "uniform" else 10
        return np.array([float(r.below(n)) for _ in range(rows * cols)]).reshape(rows, cols)
    a, b = r.matrix(rows, WIDTH), r.matrix(cols, WIDTH)
    if kind == "planted":
        b += 2 * a[(np.arange(b.size) + WIDTH * 17) % a.size]
    a, b = a.reshape(rows, WIDTH), b.reshape(cols, WIDTH)
    if kind == "heavy":
        for m in (a, b): m *= np.array([float(1 << r.below(6)) for _ in m])[:, None]
    return a @ b.T


here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "sums.txt"), "w") as out:
    out.write("# kind rows cols seed value, made by sums.py\n")
    for kind in ("uniform", "gram", "heavy", "planted", "coarse"):
        for rows, cols, seed in ((64, 64, 1), (192, 192, 2), (100, 160, 3), (160, 100, 4), (400, 400, 5)):
            g = instance(kind, rows, cols, seed)
            i, j = linear_sum_assignment(g, maximize=True)
            out.write(f"{kind} {rows} {cols} {seed} {g[i, j].sum():.0f}\n")
