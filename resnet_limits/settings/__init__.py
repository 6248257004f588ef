"""What a user may set: every key's meaning, default and range, with its checks, and the registries of what has a name.

    base.py                 the keys that every study has; a study's own stand in `studies/STUDY/settings.py`
    registry.py             groups (init, block, data, ...): an option is a class in a file of its own, with its keys
    build.py, checks.py     from a resolved configuration to settings, every value checked
    content.py              what of them determines a job

Settings are the schema of the Hydra configuration (`configs/` holds what they do not say) and those of the Python
interface: `rl.Ode(depth=64, init=rl.RoughLaw(hurst=0.3))`. Nothing here imports torch, numpy or Hydra: help, completion
and a mistyped key answer at once.
"""
