"""The order of a network, from Python: how fast does a residual network approach its neural ODE?

Run it from top to bottom, `python tests/examples/order_of_a_network.py`; it takes a few seconds. `# %%` starts a cell
in editors that show cells.
"""

# %% The question
# x_{k+1} = x_k + (T/L) f(x_k, theta(t_k)) is Euler's method for dx/dt = f(x, theta(t)). Its error at the output should
# fall like 1/L. Heun blocks should make it 1/L^2.
import dataclasses

import resnet_limits as rl

DEPTHS = [8, 16, 32, 64, 128]

# %% One depth is one job
# A job is a function of its settings alone, and returns a DataFrame: a row for each number measured.
settings = rl.Ode(depth=8, width=8, claims=["ode.forward"], ode=rl.OdeKeys(inputs=4, paths=2))
frame = rl.run(settings)
print(frame.loc[:, ["depth", "observable", "scheme", "value", "reference_error"]].to_string(index=False))


# %% Several depths are an error curve
# The smooth weight path is the same at every depth: a function of time, which each network reads at its own times.
frames = {depth: rl.run(dataclasses.replace(settings, depth=depth)) for depth in DEPTHS}


def errors(scheme: str) -> list[float]:
    """The error at the output of networks of these blocks, one a depth."""
    return [float(frame.loc[frame["scheme"] == scheme, "value"].iloc[0]) for frame in frames.values()]


# %% The order, with its interval
# `fit_order` extrapolates the local slope to infinite depth; the interval says how far to trust it.
orders = {scheme: rl.fit_order(DEPTHS, errors(scheme)) for scheme in ("euler", "heun")}
for scheme, fit in orders.items():
    print(f"{scheme:<6} order {fit.order:.3f}  [{fit.low:.3f}, {fit.high:.3f}]")

# %% Another law of weights
# Values of a fractional Brownian path are continuous, not smooth: Euler blocks lose half of their order, and more the
# rougher the path. `ode.rough` measures it on successive depths, since no exact solution is known.
rough = [
    rl.run(rl.Ode(depth=depth, replicas=32, init=rl.RoughLaw(hurst=0.25), claims=["ode.rough"]))
    for depth in (16, 32, 64, 128)
]
differences = [float(records["value"].iloc[0]) for records in rough]
stderrs = [float(records["stderr"].iloc[0]) for records in rough]
fit = rl.fit_order([16, 32, 64, 128], differences, stderrs=stderrs)
print(f"rough  order {fit.order:.2f}  [{fit.low:.2f}, {fit.high:.2f}], expected min(1, H + 1/2) = 0.75")


# %% A run of the command line
# `reslim train` measures the same numbers, in parallel if you like, judges the claims and keeps everything in a folder.
def show(folder: str) -> None:
    """The jobs of a run and how they went."""
    run = rl.load_run(folder)
    for job in run.jobs():
        print(f"depth {job.settings.depth:>5}  {job.status.state}")
