"""What the study `hamiltonian` refuses before it is run: what one can know without reading data. Free of torch."""

from __future__ import annotations

from dataclasses import asdict

from ...data import sizes
from ...errors import SettingError
from ...limits.hamiltonian.generators import generated_group
from ...limits.hamiltonian.kernels.kernel import OperatorKernel
from ...limits.hamiltonian.losses.loss import PointwiseLoss
from .settings import Hamiltonian, HamiltonianKeys

MAX_POINTS_OF_KERNEL = 400
"""Points of a network with a kernel of no features: each of its layers takes a Cholesky factor."""


def outputs(settings: Hamiltonian) -> int:
    """Number of scores: of two classes one, of more one a class, of a regression one a target."""
    if not settings.data.labelled():
        return settings.data.targets()
    classes = settings.data.count_classes()
    return 1 if classes == 2 else classes


def check(settings: Hamiltonian) -> None:
    """Raise `SettingError` for a loss unsuited to data or read-out, a state too narrow, too many points."""
    keys, data = settings.hamiltonian, settings.data
    regression, classes = not data.labelled(), data.classes()
    if settings.horizon != 1:
        raise SettingError(f"horizon={settings.horizon:g}: the limit runs from 0 to 1; scale hamiltonian.nu instead")
    if settings.dtype != "float64":
        raise SettingError(f"dtype={settings.dtype}: minimisers are certified in float64")
    loss = PointwiseLoss.options[keys.loss]
    if loss.targets is None:
        raise SettingError(
            f"hamiltonian.loss={keys.loss}: it does not declare what it is for; write targets = 'any', 'classes' or"
            " 'two classes'"
        )
    if loss.targets == "two classes" and classes != 2:
        what = "has targets of a regression" if regression else "has more than two classes"
        what = "may have any number of classes" if classes is None else what
        raise SettingError(
            f"hamiltonian.loss={keys.loss}: {data.name} {what}, and this loss separates two classes; choose"
            f" hamiltonian.loss={'square or squared_insensitive' if regression else 'logistic or squared_insensitive'}"
        )
    if loss.targets == "classes" and regression:
        raise SettingError(
            f"hamiltonian.loss={keys.loss}: {data.name} has targets of a regression; choose hamiltonian.loss=square or"
            " squared_insensitive"
        )
    if keys.readout == "ridge" and not loss.of_kernel_regression:
        raise SettingError(
            f"hamiltonian.loss={keys.loss}: kernel ridge regression has the square loss; choose"
            " hamiltonian.loss=square, or hamiltonian.readout=linear"
        )
    _check_group(settings)
    if not OperatorKernel.options[keys.kernel].scalar:
        _check_windows(settings)
    scores = outputs(settings)
    if keys.readout == "pooled" and OperatorKernel.options[keys.kernel].scalar:
        raise SettingError(
            f"hamiltonian.readout=pooled: with hamiltonian.kernel={keys.kernel} states have no sites for means; choose"
            " hamiltonian.kernel=equivariant, or another read-out"
        )
    if keys.readout == "pooled" and scores > settings.channels():
        raise SettingError(
            f"width={settings.width}: {data.named()} has {scores} scores, means of as many channels of"
            f" {settings.sites()} sites; choose width={scores * settings.sites()} or more, or"
            " hamiltonian.readout=linear"
        )
    if keys.readout == "fixed" and scores > settings.width:
        raise SettingError(
            f"width={settings.width}: {data.named()} has {scores} scores, read from as many coordinates; choose"
            f" width >= {scores}, or hamiltonian.readout=linear"
        )
    if keys.scheme == "heun" and not OperatorKernel.options[keys.kernel].of_activation:
        raise SettingError(
            f"hamiltonian.kernel={keys.kernel}: a second stage needs the field of a layer where its points are not, and"
            " that of a kernel without features is given by its points; choose hamiltonian.kernel=features, or"
            " hamiltonian.scheme=euler"
        )
    if not OperatorKernel.options[keys.kernel].of_activation and keys.points > MAX_POINTS_OF_KERNEL:
        raise SettingError(
            f"hamiltonian.points={keys.points}: with the kernel {keys.kernel} a network follows at most"
            f" {MAX_POINTS_OF_KERNEL} points"
        )
    _check_keys_of_kernel(keys)
    sizes.require(data, {"hamiltonian.points": keys.points})


def _check_keys_of_kernel(keys: HamiltonianKeys) -> None:
    """Raise `SettingError` for a key that other kernels are made of, and this one is not."""
    heeded = {name: OperatorKernel.options[name].heeded() for name in OperatorKernel.options}
    for name, default in asdict(HamiltonianKeys()).items():
        of = [kernel for kernel, names in heeded.items() if name in names]
        value = getattr(keys, name)
        if of and keys.kernel not in of and value != default:
            raise SettingError(
                f"hamiltonian.{name}={str(value).lower()}: the kernel {keys.kernel} does not heed it; choose"
                f" hamiltonian.kernel={' or '.join(of)}, or leave the key out"
            )


def _check_group(settings: Hamiltonian) -> None:
    """Raise `SettingError` for generators of no group, and for a patch of sites that they do not permute."""
    keys = settings.hamiltonian
    if keys.generators is None:
        if keys.patch is not None:
            raise SettingError(
                f"hamiltonian.patch={keys.patch}: its sites are those that hamiltonian.generators permute, and these"
                " are not given; set them, or hamiltonian.window for the shifts of an image"
            )
        return
    try:
        generated_group(keys.generators)
    except SettingError as wrong:
        raise SettingError(f"hamiltonian.{wrong}") from None
    if beyond := [site for site in keys.patch or () if site >= settings.sites()]:
        raise SettingError(
            f"hamiltonian.patch={keys.patch}: hamiltonian.generators permute the sites 0 to {settings.sites() - 1}, and"
            f" {beyond[0]} is none of them"
        )


def _check_windows(settings: Hamiltonian) -> None:
    """Raise `SettingError` for a kernel of windows whose states have not a value at each site, channel by channel."""
    keys, grid, features, sites = settings.hamiltonian, settings.grid(), settings.data.dimension(), settings.sites()
    named = " x ".join(map(str, grid)) + f" = {sites} sites" if keys.generators is None else f"{sites} sites"
    if settings.width < features or settings.width % sites:
        least = -(-features // sites) * sites
        raise SettingError(
            f"width={settings.width}: with hamiltonian.kernel={keys.kernel} a state is channels of {named}; choose"
            f" width={least}, or {least + sites} with a channel more"
        )
    if keys.generators is None and (keys.window % 2 == 0 or keys.window > min(grid)):
        raise SettingError(
            f"hamiltonian.window={keys.window}: expected an odd number of sites, at most those of the grid,"
            f" {' x '.join(map(str, grid))}"
        )
    if keys.readout == "ridge":
        raise SettingError(
            f"hamiltonian.readout=ridge: the kernel {keys.kernel} is no multiple of the identity, as regression of"
            " scores takes; choose hamiltonian.readout=pooled or linear"
        )
