"""Hydra configuration: groups of values. The schema is in `resnet_limits/settings/`, and beside what it configures."""
