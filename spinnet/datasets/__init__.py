"""Data that networks are trained on, and the teachers that generate it."""
