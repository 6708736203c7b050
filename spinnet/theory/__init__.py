"""Closed forms and N to infinity solvers: the truth that simulations are compared with."""
