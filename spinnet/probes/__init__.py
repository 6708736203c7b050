"""What is measured on a configuration, a trajectory or a landscape."""
