"""The study `ode`: what it measures, compares and claims. Free of torch: the parts are imported late."""

from __future__ import annotations

from ..study import Study
from .claims import CLAIMS
from .request import check
from .room import LEAST
from .settings import Ode

STUDY = Study(
    name="ode",
    title="networks with given and with trained weights, and the neural ODE",
    equation="x_{k+1} = x_k + (T/L) f(x_k, theta(t_k))   ->   dx/dt = f(x, theta(t)),   0 <= t <= T",
    settings=Ode,
    claims=CLAIMS,
    check=check,
    parts={
        "forward": tuple(c.id for c in CLAIMS if c.id.startswith(("ode.forward.", "ode.frozen."))),
        "gradient": ("ode.gradient.euler", "ode.gradient.heun"),
        "reversed": ("ode.reversed.euler", "ode.reversed.heun", "ode.reversed.heun.observed"),
        "averaged": ("ode.averaged.rms", "ode.averaged.mean"),
        "rough": ("ode.rough",),
        "trained": ("ode.trained",),
        "trained_iid": ("ode.trained.iid", "ode.trained.iid.increments"),
        "random_start": ("ode.random_start.spread", "ode.random_start.mean", "ode.random_start.tied"),
    },
    least=LEAST,
    memory={
        "forward": ("ode.paths", "width", "ode.inputs", "depth"),
        "gradient": ("ode.paths", "width", "ode.inputs", "depth"),
        "reversed": ("ode.paths", "width", "ode.inputs", "depth"),
        "averaged": ("replicas", "width", "ode.inputs", "depth"),
        "rough": ("ode.inputs", "depth", "replicas"),
        "trained": ("train.replicas", "width", "depth", "train.memory", "train.batch_size"),
        "trained_iid": ("train.replicas", "width", "depth", "train.memory", "train.batch_size"),
        "random_start": ("ode.draws", "depth", "train.memory", "train.batch_size"),
    },
    comparisons={"trained_paths": ("ode.trained", "ode.trained.iid")},
    observables={
        "forward_error": "root mean square of x_L - x(T) over paths, inputs and coordinates; by scheme",
        "gradient_error": "relative error of the gradient by input and by weight path, together; by scheme",
        "gradient_error_input": "relative error of dJ/dx_0, for J = |x(T)|^2 / 2n",
        "gradient_error_path": "relative error of dJ/dc for the path theta(t) = sum_j b_j(t) c_j",
        "gradient_density_error": "relative error of L dJ/dtheta_k against the adjoint's density g(t_k), by layer",
        "reversed_gradient_error": "relative error of gradients from rebuilt activations, against backpropagation",
        "reversed_state_error": "largest |x_k - rebuilt x_k| over layers, inputs and coordinates",
        "averaged_rms_error": "root mean square of x_L - x(T) over draws, x(T) of the averaged flow",
        "averaged_mean_error": "root mean square over inputs and coordinates of E x_L - x(T)",
        "rough_difference": "root mean square of x_L - x_2L on one rough path",
        "train_loss": "loss: of the mini-batch, by step; of all training points at the end",
        "test_accuracy": "fraction of the test points classified rightly, by step (each epoch) and at the end",
        "movement": "largest root mean square of theta_k less its start over the trained weights' entries",
        "gradient_norm": "norm of the density L dJ/dtheta_k over the layers, by step",
        "test_loss": "loss on the test points, by step (each epoch) and at the end",
        "roughness": "L sum_k |theta_{k+1} - theta_k|^2 of the trained weights, by step (each epoch) and at the end",
        "largest_increment": "largest root mean square of theta_{k+1} - theta_k of the trained weights, likewise",
        "increment": "root mean square of theta_{k+1} - theta_k of the trained weights, by layer",
        "interpolated_error": "relative distance of test logits to the neural ODE of the interpolated weights; order 1",
        "step_difference": "distance of the trained weights at depths L and 2L as step functions, relative",
        "random_start_fluctuation": "standard deviation over draws of the i.i.d. start of the trained network's logits",
        "random_start_mean": "size of the difference of the mean logits over draws at depths L and 2L",
        "tied_start_fluctuation": "standard deviation over draws of a tied start of the trained network's logits",
        "weight_difference": "largest distance over time of the trained weights at depths L and 2L, by their movement",
        "weight_error": "the same distance to the Richardson limit of the trained weights, where depths double",
        "output_difference": "root mean square difference of the test logits at depths L and 2L, relative",
    },
    arrays={
        "trained.V": "trained weights V (train.replicas, depth, width, hidden)",
        "trained.W": "trained weights W (train.replicas, depth, hidden, width)",
        "trained.b": "trained biases b (train.replicas, depth, hidden)",
        "trained_iid.V": "the same from an i.i.d. start",
        "trained_iid.W": "the same from an i.i.d. start",
        "trained_iid.b": "the same from an i.i.d. start",
        "trained_iid.logits": "the same from an i.i.d. start",
        "trained.logits": "logits of the test points (train.replicas, points, classes)",
    },
)
