"""Numba kernels: functions of plain arrays; the only folder that knows numba."""
