"""Activations: the names of the settings, and the formulas of the field."""

import math

import pytest
import torch

from resnet_limits.errors import SettingError
from resnet_limits.networks.activations import ACTIVATIONS, activation
from resnet_limits.settings.names import ACTIVATIONS as NAMES


def test_every_name_of_the_settings_is_a_function_and_the_other_way_round():
    assert set(ACTIVATIONS) == set(NAMES)


def test_each_activation_is_its_formula():
    formulas = {
        "tanh": math.tanh,
        "swish": lambda z: z / (1 + math.exp(-z)),
        "relu": lambda z: max(z, 0.0),
        "gelu": lambda z: z * (1 + math.erf(z / math.sqrt(2))) / 2,
        "identity": lambda z: z,
    }
    z = torch.linspace(-4, 4, 33, dtype=torch.float64)
    for name, formula in formulas.items():
        expected = torch.tensor([formula(float(v)) for v in z], dtype=torch.float64)
        torch.testing.assert_close(ACTIVATIONS[name](z), expected, rtol=1e-14, atol=1e-15)


def test_an_unknown_activation_names_the_nearest():
    with pytest.raises(SettingError, match="did you mean 'tanh'"):
        activation("tahn")
