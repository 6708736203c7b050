"""Distances between two sets of results, each with a null distribution."""
