"""A sentence becomes a piece of music, with its stems and its MIDI file; nothing is sampled or loaded.

`prompt` resolves words and arguments into `parameters` (light: no array code, any process may import it),
`composing` turns those into a `score`, `synth` holds the instruments and the desk, `piece` plays the score
through them. Every choice is a hash of (seed, place), so the same parameters are the same bytes.
"""
