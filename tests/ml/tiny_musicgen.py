"""MusicGen models of a few thousand random weights, saved as real ones are: the real code loads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    EncodecConfig,
    MusicgenConfig,
    MusicgenForConditionalGeneration,
    MusicgenMelodyConfig,
    MusicgenMelodyForConditionalGeneration,
    PreTrainedTokenizerFast,
    T5Config,
)

WORDS = ("jazz", "piano", "calm", "techno", "dark", "drums", "bpm", "minor", "a", "c", ",", "90", "120")
CODES = 64
RATE_HZ = 32_000


def save_text_model(folder: Path, *, seed: int = 1) -> Path:
    """A MusicGen for words, mono, 32 kHz, 50 frames a second."""
    _save(folder, MusicgenConfig, MusicgenForConditionalGeneration, seed)
    return folder


def save_melody_model(folder: Path, *, seed: int = 1) -> Path:
    """A MusicGen that follows a melody, with the preprocessor's file of the real one."""
    _save(folder, MusicgenMelodyConfig, MusicgenMelodyForConditionalGeneration, seed, chroma_length=8)
    told = {
        "feature_extractor_type": "MusicgenMelodyFeatureExtractor",
        "sampling_rate": RATE_HZ,
        "n_fft": 16_384,
        "hop_length": 4_096,
        "num_chroma": 12,
        "chunk_length": 30,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    return folder


def _save(folder: Path, configuration: Any, kind: Any, seed: int, **further: Any) -> None:
    torch.manual_seed(seed)
    words = T5Config(
        vocab_size=len(WORDS) + 3, d_model=16, d_ff=16, d_kv=8, num_layers=1, num_heads=2, dropout_rate=0.0
    )
    sound = EncodecConfig(
        sampling_rate=RATE_HZ,
        audio_channels=1,
        num_filters=4,
        hidden_size=16,
        codebook_dim=16,
        codebook_size=CODES,
        upsampling_ratios=[8, 5, 4, 4],  # 640 samples a frame, as the real one
        num_lstm_layers=1,
        target_bandwidths=[1.2],  # four codebooks of 6 bits, 50 times a second
        normalize=False,
        use_causal_conv=False,
    )
    decoder = {
        "vocab_size": CODES,
        "hidden_size": 16,
        "ffn_dim": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_codebooks": 4,
        "pad_token_id": CODES,
        "bos_token_id": CODES,
        "eos_token_id": None,
        "layerdrop": 0.0,
        "initializer_factor": 1.0,  # so that what is drawn depends on what is heard
    }
    config = configuration(
        text_encoder=words.to_dict(), audio_encoder=sound.to_dict(), decoder=decoder, **further
    )
    model = kind(config).eval()
    for layer in model.audio_encoder.quantizer.layers:
        layer.codebook.embed.normal_()
    model.generation_config.decoder_start_token_id = CODES
    model.generation_config.pad_token_id = CODES
    model.generation_config.bos_token_id = CODES
    model.save_pretrained(folder)
    _tokenizer().save_pretrained(folder)


def _tokenizer() -> PreTrainedTokenizerFast:
    """Whole words; </s> ends a text, as T5's does."""
    vocabulary = {word: number for number, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
