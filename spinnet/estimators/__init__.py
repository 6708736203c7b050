"""Statistics of samples: errors come from disorder samples, never from sweeps."""
