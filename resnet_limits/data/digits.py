"""scikit-learn's 8x8 images of handwritten digits: 1797 images of 64 grey values, 10 classes, bundled.

Source: Alpaydin & Kaynak 1998, UCI "Optical recognition of handwritten digits" (its test set).
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits


def points() -> tuple[np.ndarray, np.ndarray]:
    """All images (1797, 64) and labels 0..9 (1797,), in the order of the file."""
    images, labels = load_digits(return_X_y=True)
    return np.asarray(images), np.asarray(labels)
