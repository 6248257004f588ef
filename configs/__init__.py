"""Hydra configuration: groups of values. The schema is `resnet_limits/settings.py`."""
