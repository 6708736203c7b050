"""Side-by-side timings against peers' methods; run by spinnet bench."""
