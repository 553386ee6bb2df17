"""From what was hummed to the parameters of a piece that follows it.

`rhythm` puts the notes on the grid of a tempo, `tonality` into a key, `hummed` makes parameters of both
and of the words; `render.music.composing` then has the tune led by chords that fit it.
"""
