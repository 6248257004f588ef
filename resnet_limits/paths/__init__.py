"""Weights over depth: what a weight path is, how one is drawn, and the laws that it may have (`laws/`).

weights = draw(SmoothLaw(correlation=0.5), {"W": (16, 16), "b": (16,)}, depth=64, horizon=1.0, replicas=32, seed=0)
weights.at(times)["W"]                  # (32, n, 16, 16)
"""
