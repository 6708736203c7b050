"""Figures: one per function, drawn from loaded results; nothing is computed here."""
