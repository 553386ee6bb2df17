"""Trained models as providers: MusicGen and Demucs, of the extra `ml`. The only home of torch.

`models` and `wording` are light and read by every layer; the others load torch, in child processes alone.
"""
