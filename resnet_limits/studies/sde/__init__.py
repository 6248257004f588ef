"""Networks with random weights of size sqrt(h), and their diffusions."""
