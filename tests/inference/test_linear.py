"""Least squares on the inputs as a classifier."""

from __future__ import annotations

import numpy as np
import torch

from resnet_limits.inference.linear import linear_classes


def test_classes_are_those_of_affine_least_squares_of_indicators():
    draw = np.random.default_rng(0)
    x, new, labels = draw.normal(size=(60, 4)), draw.normal(size=(40, 4)) + 1, draw.integers(0, 3, 60)
    weights = np.linalg.lstsq(np.column_stack([np.ones(60), x]), np.eye(3)[labels], rcond=None)[0]
    expected = (np.column_stack([np.ones(40), new]) @ weights).argmax(axis=1)
    classes = linear_classes(torch.from_numpy(x), torch.from_numpy(labels), 3, torch.from_numpy(new))
    assert classes.tolist() == expected.tolist()
