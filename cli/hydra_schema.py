"""The registries as Hydra sees them: a source of configurations that are read off the settings' dataclasses.

    GROUP/NAME, schema/GROUP/NAME    an option of a group: its keys
    figure/NAME                      a figure of somebody's own: its name, and its study
    study/NAME, schema/study/NAME    a study: its keys, and for each of its groups the default option, what the study
                                     itself says of that option, and what suits the two (`suited/GROUP/STUDY_OPTION`)

Where a folder of YAML has a file `GROUP/NAME.yaml`, the file is taken in place of the first. It begins with
`defaults: [/schema/GROUP/NAME@_here_, _self_]` (of a study: `@_global_`) and goes on with what the dataclass does not
say. The folders are `configs/`, then those that the entry points `reslim.configs` name (`lab = "lab_configs"`, a
package of YAML files). Nothing is imported but what a request names.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import MISSING, OmegaConf

from resnet_limits.settings.registry import FIGURES, STUDIES, Registry, distribution, installed, kinds

from .printable import say

CONFIGS = "reslim_configs"
SCHEME = "registry"


def register() -> None:
    """Let Hydra look into the registries, and into the folders of YAML that other distributions bring."""
    for plugin in (Places, Registries):
        Plugins.instance().register(plugin)


@functools.cache
def folders() -> list[Path]:
    """The folders of YAML, in the order in which they are searched. One that is not there is said on stderr."""
    folders_found = [Path(str(resources.files(CONFIGS)))]
    for point in installed("configs"):
        try:
            spec = find_spec(point.value)  # imports the packages around it alone
        except Exception:
            spec = None
        if spec is not None and spec.submodule_search_locations:
            folders_found.append(Path(spec.submodule_search_locations[0]))
        else:
            who = f"the distribution {distribution(point)}"
            say(f"{who} has no package {point.value}, its configurations")
    return folders_found


class Places(SearchPathPlugin):
    """Where Hydra looks for a configuration, after `configs/`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for folder in folders()[1:]:
            search_path.append("entry point", f"file://{folder}")
        search_path.append("registries", f"{SCHEME}://")


class Registries(ConfigSource):
    """Every study, and every option of every group, under the name that its registry has for it."""

    @staticmethod
    def scheme() -> str:
        return SCHEME

    def available(self) -> bool:
        return True

    def load_config(self, config_path: str) -> ConfigResult:
        group, name = _split(config_path)
        package = "_global_" if group in (*STUDY, KEYS, FIGURE) else None
        config = OmegaConf.structured(_node(group, name))
        return ConfigResult("registries", self.full_path(), config, {"package": package})

    def is_group(self, config_path: str) -> bool:
        return bool(_names(config_path.rstrip("/")))

    def is_config(self, config_path: str) -> bool:
        group, name = _split(config_path)
        return name in _names(group)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        return [] if results_filter == ObjectType.GROUP else sorted(_names(config_path.rstrip("/")))


STUDY = ("study", "schema/study")
FIGURE = "figure"
KEYS = "schema/keys"
"""The keys of a study, without what else its `schema/study` has."""
STUDY_DEFAULTS = "schema/own"
"""`schema/own/init/sde/iid`: what the study itself says of its default option of a group."""


def _split(path: str) -> tuple[str, str]:
    group, _, name = path.rstrip("/").removesuffix(".yaml").rpartition("/")
    return group, name


def _names(group: str) -> Collection[str]:
    if group in (*STUDY, KEYS):
        return STUDIES
    if group == FIGURE:
        return [name for name in FIGURES if name not in FIGURES.built_in]
    if group.startswith(f"{STUDY_DEFAULTS}/"):
        return _study_defaults(*group.split("/")[2:])
    registry = Registry.known.get(group.removeprefix("schema/"))  # which a study's settings have brought
    return registry if registry is not None and registry.has_keys else ()


def _node(group: str, name: str) -> Any:
    """What stands there: the default values of a dataclass, or plain values."""
    if group in STUDY:
        return {"defaults": _defaults(name)}
    if group == FIGURE:
        study = FIGURES[name].study
        return {"defaults": [{"override /study": study}] if study else [], "figure": name}
    if group == KEYS:
        node = STUDIES[name](study=name)
        for key in kinds(STUDIES[name]):
            setattr(node, key, MISSING)  # filled by the group's own option
        return node
    if group.startswith(f"{STUDY_DEFAULTS}/"):
        return _study_defaults(*group.split("/")[2:])[name]
    return Registry.known[group.removeprefix("schema/")][name]


def _defaults(study: str) -> list[Any]:
    """Hydra's list of defaults for a study."""
    settings = STUDIES[study](study=study)
    keys = kinds(STUDIES[study])
    chosen = [{f"/{key}": getattr(settings, key).name} for key in keys]
    suited_options = [{f"optional /{STUDY_DEFAULTS}/{key}/{study}@{key}": f"${{{key}}}"} for key in keys]
    suited = [{f"optional /suited/{key}": f"{study}_${{{key}}}"} for key in keys]
    return [f"/{KEYS}/{study}", *chosen, *suited_options, *suited, "_self_"]


def _study_defaults(key: str, study: str) -> dict[str, dict[str, Any]]:
    """The default option of this key of a study with the values that are not the option's own, where there are any."""
    option = getattr(STUDIES[study](study=study), key)
    usual = dataclasses.asdict(type(option)())
    values = {name: value for name, value in dataclasses.asdict(option).items() if value != usual[name]}
    return {option.name: values} if values else {}
