"""What a distribution may bring: a law of weights and a study, named by its entry points, and the YAML they need."""
