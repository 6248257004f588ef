"""What a training leaves: the parameters, and what was seen on the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

Parameters = dict[str, Tensor]


@dataclass
class TrainedParameters:
    """Parameters after training, and what was seen on the way; each entry is one value a replica.

    `parameters` are those that were trained, before they are `parametrised`. `losses[i]` is the loss of mini-batch i
    before its step, with its penalty, `gradient_norms[i]` the norm of its gradient over the
    trunk (`observables.gradient_norm`). After each epoch, by number of steps: loss on the test points and accuracy
    there (of a classification), and roughness and largest increment of the weight path.

    With `explosion="record"`, `exploded_at` is the number of steps after which the loss was not finite, or at the end
    of an epoch a weight; the parameters are those after these steps. With a rule of stopping `stopped_at` (r,) are the
    steps after which each network ended, and `ends` says how (`stopping.ENDS`).
    """

    parameters: Parameters
    losses: list[Tensor] = field(default_factory=list)
    gradient_norms: list[Tensor] = field(default_factory=list)
    test_losses: dict[int, Tensor] = field(default_factory=dict)
    accuracies: dict[int, Tensor] = field(default_factory=dict)
    roughness: dict[int, Tensor] = field(default_factory=dict)
    largest_increment: dict[int, Tensor] = field(default_factory=dict)
    exploded_at: int | None = None
    stopped_at: Tensor | None = None
    ends: list[str] = field(default_factory=list)
