"""What the settings of `lab` do not say."""
