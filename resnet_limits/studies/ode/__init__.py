"""Networks with given and with trained weights, and the neural ODE."""
