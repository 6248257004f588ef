"""Ways through the layers in training that several engines have in common."""
