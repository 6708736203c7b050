"""What moves configurations on a landscape: flows, descents and stochastic dynamics."""
