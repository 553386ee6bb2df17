"""Numbers only: arrays and local files in, arrays and local files out.

The only home of numba, librosa, cv2 and av.
"""
