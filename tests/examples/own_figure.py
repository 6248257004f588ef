"""A figure of one's own, of records and arrays: reslim train --with own_figure.py figure=errors_by_depth"""

from matplotlib.figure import Figure

from resnet_limits.parts import NamedFigure, Paper

SOURCE = Paper("Somebody", "Somebody, A.", "A figure of one's own", 2026)


def draw(jobs):
    """The error of every job at the output, by depth; None where none was measured."""
    points = [(j.settings.depth, r.value) for j in jobs for r in j.records if r.observable == "reversed_gradient_error"]
    if not points:
        return None
    figure = Figure()
    figure.subplots().loglog(*zip(*points, strict=True), "o")
    return figure


ERRORS_BY_DEPTH = NamedFigure(SOURCE, "errors at the output, by depth", draw, study="ode")
