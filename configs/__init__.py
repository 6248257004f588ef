"""What the settings' dataclasses do not say, for Hydra.

    config.yaml    the root
    study/         the depths that a study proposes
    suited/        what suits an option of a group in a study: `suited/GROUP/STUDY_OPTION.yaml`
    size/          what a preset is in a study: `size/STUDY_PRESET.yaml`
    preset/, figure/, cluster/

An option without a file here is its dataclass (`cli/hydra_schema.py`).
"""
