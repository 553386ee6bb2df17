"""Words and arguments become parameters: what is explicit wins, what is unknown does no harm."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from render.music import chance, keys, lexicon
from render.music.catalogue import GENRES
from render.music.heard import Heard
from render.music.instruments import INSTRUMENTS
from render.music.parameters import ROLES, InvalidParameter, MusicParameters
from render.music.prompt import resolve

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("prompt", "bpm"),
    [
        ("techno at 128 bpm", 128.0),
        ("128BPM house", 128.0),
        ("bpm: 97", 97.0),
        ("tempo 84, sad", 84.0),
        ("93.5 bpm", 93.5),
        ("an allegro", 132.0),
        ("999 bpm", 300.0),
        ("140 beats per minute", 140.0),
    ],
)
def test_a_tempo_in_words_wins_over_the_argument(prompt: str, bpm: float) -> None:
    assert resolve(prompt, bpm=120).bpm == bpm
    assert resolve(prompt, bpm=99).bpm == bpm


def test_an_argument_wins_over_what_a_genre_would_choose() -> None:
    assert resolve("drum and bass", bpm=150).bpm == 150.0
    assert resolve("pop", bpm=120).bpm == 120.0


def test_the_default_tempo_gives_way_to_a_genre_that_is_never_played_so() -> None:
    slowest, _, fastest = GENRES["drum and bass"].bpm
    assert slowest <= resolve("drum and bass", bpm=120).bpm <= fastest
    assert resolve("no genre at all", bpm=120).bpm == 120.0


@pytest.mark.parametrize(
    ("prompt", "key"),
    [
        ("in F# minor", "F# minor"),
        ("a song in Bb major", "Bb major"),
        ("F#m trap", "F# minor"),
        ("key of E flat minor", "Eb minor"),
        ("C-sharp minor nocturne", "C# minor"),
        ("D dorian groove", "D dorian"),
        ("an ambient piece in D", "D major"),
        ("in a minor, slow", "A minor"),
        ("G♯ minor", "G# minor"),
        ("key: Ab", "Ab major"),
        ("in E flat", "Eb major"),
        ("In E Flat, slow", "Eb major"),
        ("key of F sharp", "F# major"),
        ("in B-flat", "Bb major"),
        ("in A-flat", "Ab major"),
        ("in C-sharp, minor", "C# minor"),
        ("in E flat minor", "Eb minor"),
        ("in E-flat minor", "Eb minor"),
        ("Bb minor", "Bb minor"),
    ],
)
def test_a_key_in_words_wins_over_the_argument(prompt: str, key: str) -> None:
    assert resolve(prompt, key="G major").key == key


@pytest.mark.parametrize(
    "prompt",
    [
        "in a minor mood",
        "a major drop",
        "in a dream",
        "in a room",
        "in a flat",
        "in B-side style",
        "add a beat",
        "be calm",
    ],
)
def test_an_article_is_no_key(prompt: str) -> None:
    assert resolve(prompt, key="G major").key == "G major"


@pytest.mark.parametrize("name", ["A m\u0131nor", "C \u017fharp", "A M\u0130NOR", "B \u017fharp minor"])
def test_letters_that_only_look_like_those_of_a_key_are_none(name: str) -> None:
    assert keys.parse(name) is None
    with pytest.raises(InvalidParameter) as refused:
        resolve("pop", key=name)
    assert refused.value.field == "key"


@pytest.mark.parametrize("prompt", ["in A m\u0131nor", "in A M\u0130NOR", "in F# M\u0130XOLYD\u0130AN"])
def test_words_that_only_look_like_a_mode_are_none(prompt: str) -> None:
    heard = resolve(prompt, key="G major").key
    assert heard in ("G major", "F# major")


@pytest.mark.parametrize(("sign", "mode"), [("", "m\u0131nor"), ("x", "minor"), ("", "blues")])
def test_parts_that_make_no_key_are_refused(sign: str, mode: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        keys.of_parts("A", sign, mode)
    assert refused.value.field == "key"


def test_a_mode_alone_chooses_the_mode() -> None:
    assert resolve("something in a minor key").key.endswith("minor")
    assert resolve("major, happy").key.endswith("major")


@pytest.mark.parametrize(
    ("prompt", "seconds"),
    [
        ("30 seconds of jazz", 30.0),
        ("2 minutes", 120.0),
        ("a 45s loop", 45.0),
        ("80s synthwave", 15.0),
        ("1 second", 5.0),
        ("900 minutes", 300.0),
        ("12.5 sec", 12.5),
        ("trap beat with 808s", 15.0),
        ("909s drums", 15.0),
        ("a squelchy 303s line", 15.0),
        ("1980s synthpop", 15.0),
        ("2000s pop", 15.0),
        ("trap with 808s for 20s", 20.0),
        ("90s house, 60s long", 60.0),
        ("60 s of jazz", 60.0),
        ("a 400s drone", 300.0),
    ],
)
def test_a_length_in_words_but_not_a_decade(prompt: str, seconds: float) -> None:
    assert resolve(prompt).duration == seconds


@pytest.mark.parametrize(
    ("prompt", "without"),
    [
        ("techno, no drums", {"drums"}),
        ("no drums techno", {"drums"}),
        ("trap without bass or melody", {"bass", "melody"}),
        ("no drums, no bass", {"drums", "bass"}),
        ("beatless ambient", {"drums"}),
        ("only drums", {"bass", "chords", "colour", "melody"}),
        ("a drum loop", {"bass", "chords", "colour", "melody"}),
        ("no pads house", {"chords", "colour"}),
    ],
)
def test_what_is_unwanted_is_left_out(prompt: str, without: set[str]) -> None:
    parameters = resolve(prompt)
    silent = {role for role in ROLES if getattr(parameters, role) is None}
    named = GENRES[parameters.genre]
    assert silent - without <= ({"colour"} if named.colour is None else set())
    assert without <= silent
    assert resolve("no drums techno").genre == "techno"


def test_instruments_take_their_place() -> None:
    parameters = resolve("house with piano and flute, upright bass")
    assert (parameters.chords, parameters.melody, parameters.bass) == ("piano", "flute", "upright")
    assert resolve("pop, no piano").chords != "piano"


@pytest.mark.parametrize(
    ("prompt", "family"),
    [
        ("rock, no guitar", {"power", "lead guitar", "nylon"}),
        ("funk without guitars", {"wah guitar"}),
        ("reggae, no electric guitar", {"skank"}),
        ("cinematic, no strings", {"strings", "spiccato", "low strings"}),
        ("trap, no bells", {"bell", "keys bell"}),
        ("ambient, no bells", {"far bell"}),
        ("synthwave, no pad", {"brass pad"}),
        ("cinematic, no horns", {"horn"}),
        ("lofi, no rhodes", {"rhodes", "muted keys"}),
    ],
)
def test_an_instrument_is_refused_in_all_its_forms(prompt: str, family: set[str]) -> None:
    parameters = resolve(prompt)
    assert not family & {parameters.bass, parameters.chords, parameters.colour, parameters.melody}
    assert parameters.drums and parameters.bass and parameters.chords and parameters.melody


@pytest.mark.parametrize(
    ("prompt", "voices"),
    [
        ("solo piano", {"chords": "piano"}),
        ("only piano, jazz", {"chords": "piano"}),
        ("rock, piano only", {"chords": "piano"}),
        ("just a flute", {"melody": "flute"}),
        ("solo electric guitar", {"chords": "power"}),
        ("only piano and flute, house", {"chords": "piano", "melody": "flute"}),
        ("only drums and upright bass", {"drums": "pop", "bass": "upright"}),
    ],
)
def test_an_instrument_alone_leaves_the_others_out(prompt: str, voices: dict[str, str]) -> None:
    parameters = resolve(prompt)
    assert {role: name for role in ROLES if (name := getattr(parameters, role)) is not None} == voices


@pytest.mark.parametrize(
    "prompt", ["rock with a guitar solo", "jazz with a solo violin", "rock, not only drums"]
)
def test_a_solo_in_a_band_keeps_the_band(prompt: str) -> None:
    parameters = resolve(prompt)
    assert parameters.drums and parameters.bass and parameters.chords and parameters.melody


def test_every_family_is_of_voices_that_exist() -> None:
    for word, family in lexicon.INSTRUMENT_FAMILIES.items():
        assert lexicon.INSTRUMENT_WORDS[word][1] in family
        assert set(family) <= set(INSTRUMENTS)


@pytest.mark.parametrize("genre", ["pop", "synthwave", "drum and bass"])
def test_a_part_whose_every_player_is_refused_is_left_out(genre: str) -> None:
    assert resolve(f"{genre}, no synth lead, no bells, no flute, no vibes").melody is None


@pytest.mark.parametrize("genre", GENRES)
def test_every_instrument_may_be_refused(genre: str) -> None:
    refused = ", ".join(f"no {name}" for name in lexicon.INSTRUMENT_WORDS)
    left = resolve(f"{genre}: {refused}")
    named = {voice for _, voice in lexicon.INSTRUMENT_WORDS.values()}
    assert left.genre == genre
    assert not named & {left.bass, left.chords, left.colour, left.melody}
    with pytest.raises(InvalidParameter, match="leaves out every instrument") as nothing:
        resolve(f"{genre}: {refused}, no drums, no bass, no chords, no melody")
    assert nothing.value.field == "prompt"


@pytest.mark.parametrize(("prompt", "meter"), [("in 6/8", "6/8"), ("a waltz", "3/4"), ("7/8", "4/4")])
def test_meters(prompt: str, meter: str) -> None:
    assert resolve(prompt).meter == meter


@pytest.mark.parametrize("genre", GENRES)
def test_each_genre_is_named_by_its_own_name_and_by_each_of_its_words(genre: str) -> None:
    assert resolve(genre).genre == genre
    for phrase in lexicon.GENRE_WORDS[genre]:
        assert resolve(f"some {phrase}, please").genre == genre, phrase


def test_a_refused_genre_is_not_chosen() -> None:
    assert resolve("jazz, not techno").genre == "jazz"
    assert resolve("not techno but jazz").genre == "jazz"


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "   ",
        "🎵🎶🔥",
        "お洒落な音楽",
        "музыка для сна",
        "\x00\ud800",
        "in # b ♭ minor",
        "no no no",
        "bpm key in a",
    ],
)
def test_what_no_lexicon_knows_is_no_error(prompt: str) -> None:
    parameters = resolve(prompt)
    assert parameters.genre in GENRES
    assert parameters == resolve(prompt)


def test_unknown_words_vary_a_piece_of_the_same_seed() -> None:
    assert resolve("pop sunrise", seed=1).variation != resolve("pop sunset", seed=1).variation
    assert resolve("pop", seed=1).variation == 0


def test_moods_move_the_piece() -> None:
    calm, wild = resolve("pop", mood="calm", seed=1), resolve("pop", mood="aggressive", seed=1)
    assert calm.energy < wild.energy
    assert calm.bpm <= wild.bpm
    minor = [resolve("pop", mood="sad", seed=seed).key.endswith("minor") for seed in range(40)]
    glad = [resolve("pop", mood="happy", seed=seed).key.endswith("minor") for seed in range(40)]
    assert sum(minor) > 30 > 10 > sum(glad)


@pytest.mark.parametrize(
    "prompt",
    [
        "piano and " * 1000,
        "only piano & " * 769,
        "no " * 3333,
        "a minor " * 1250,
        "1" * 10_000,
        "in the key of " * 700,
        "(" * 10_000,
        "no a and " * 1100,
    ],
)
def test_the_longest_prompts_take_no_time(prompt: str) -> None:
    began = time.process_time()
    resolve(prompt)
    assert time.process_time() - began < 0.5


def test_letters_that_are_many_when_written_out_are_no_longer_prompt() -> None:
    began = time.process_time()
    with pytest.raises(InvalidParameter, match="at most 10,000 characters, not 180,000"):
        resolve("\ufdfa" * 10_000)
    assert time.process_time() - began < 0.1
    assert resolve("\ufdfa" * 555).variation
    assert len(Heard.of("\u0390" * 10_000).text) == 10_000  # three letters each where case is folded


def test_what_people_write_is_not_kept() -> None:
    resolve("pop")
    kept = chance.number_of_place.cache_info().currsize
    for number in range(20):
        resolve(f"pop, {'sunset ' * 1_000}{number}")
    assert chance.number_of_place.cache_info().currsize == kept
    assert not hasattr(chance.number_of, "cache_info")


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("prompt", {"prompt": "x" * 10_001}),
        ("mood", {"prompt": "", "mood": "x" * 201}),
        ("mood", {"prompt": "", "mood": "\ufdfa" * 12}),
        ("bpm", {"prompt": "", "bpm": 20}),
        ("bpm", {"prompt": "", "bpm": float("nan")}),
        ("duration", {"prompt": "", "duration": 4.9}),
        ("duration", {"prompt": "", "duration": 301}),
        ("key", {"prompt": "", "key": "H minor"}),
        ("seed", {"prompt": "", "seed": 2**63}),
        ("prompt", {"prompt": "only drums, no drums"}),
    ],
)
def test_what_cannot_be_is_refused_by_name(field: str, arguments: dict[str, object]) -> None:
    with pytest.raises(InvalidParameter) as refused:
        resolve(**arguments)  # type: ignore[arg-type]
    assert refused.value.field == field
    assert refused.value.sentence


def test_parameters_survive_json_and_refuse_what_is_wrong() -> None:
    parameters = resolve("dark techno, no melody", seed=-5)
    stored = json.loads(json.dumps(parameters.as_json()))
    assert MusicParameters.of_json(stored) == parameters
    for name, value in (("swing", 0.9), ("genre_", 1), ("meter", "7/8"), ("bpm", "fast"), ("energy", 2.0)):
        with pytest.raises(InvalidParameter) as refused:
            MusicParameters.of_json({**stored, name: value})
        assert refused.value.field == name
    del stored["bpm"]
    with pytest.raises(InvalidParameter):
        MusicParameters.of_json(stored)


def test_every_voice_that_a_genre_or_a_word_names_exists() -> None:
    named = {voice for _, voice in lexicon.INSTRUMENT_WORDS.values()}
    for genre in GENRES.values():
        named |= {voice for voice in (genre.bass, genre.chords, genre.colour, genre.melody) if voice}
    assert named <= set(INSTRUMENTS)


def test_a_key_is_read_back_from_its_name() -> None:
    for mode in keys.SCALES:
        for tonic in range(12):
            key = keys.spelled(tonic, mode)
            assert keys.parse(key.name) == key


def test_resolving_loads_no_compiler_and_no_arrays() -> None:
    code = (
        "import sys; from render.music.prompt import resolve; resolve('jazz')\n"
        "print([name for name in ('numba', 'numpy', 'scipy') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"
