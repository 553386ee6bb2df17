"""Drums, bass, vocals and everything else out of a finished mix, without a trained model (docs/adr/0014).

    facts = stems.separate("song.mp3", {"drums": "drums.flac", ...}, report)

- The four stems sum to the mix: masks share out each bin of its spectrum, and `other` is what they leave.
- A stem has the mix's sample rate, channels and length to the sample, whatever they are.
- Work goes in windows of some seconds that are cross-faded, so memory does not grow with the length.
- Nothing is random: the same file gives the same bytes.
"""
