"""A figure of one's own: reslim train --with own_figure.py figure=biases_over_depth

It draws from the arrays that finished jobs keep (`reslim studies ode` names them), and computes nothing.
"""

from matplotlib.figure import Figure

import resnet_limits as rl

SOURCE = rl.Paper("Somebody", "Somebody, A.", "Figures of one's own", 2026)


def draw(jobs):
    """The first bias of the first trained network, over depth; None where no job trained one."""
    curves = [b[0, :, 0] for job in jobs if (b := job.array("trained.b")) is not None]
    figure = Figure()
    axes = figure.subplots()
    for curve in curves:
        axes.plot([(k + 0.5) / len(curve) for k in range(len(curve))], curve, label=f"depth {len(curve)}")
    axes.legend()
    return figure if curves else None


BIASES_OVER_DEPTH = rl.NamedFigure(SOURCE, "a bias of trained networks, over depth", draw, study="ode")
