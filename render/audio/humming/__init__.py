"""From a hummed, sung or whistled recording to its notes.

`pitch` follows the voice, `segments` parts the line into notes, `tuning` takes out how far the singer is off
and how that drifts, `hear` does it for a file. `facts` (light) is what comes out.
"""
