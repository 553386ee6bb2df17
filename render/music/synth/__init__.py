"""Instruments, effects and mastering as Numba kernels: arrays at 44.1 kHz in, arrays out.

A bus is float32 of shape (n, 2), left and right; a kernel of an instrument adds one note to a bus.
"""
