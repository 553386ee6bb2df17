"""The words that mean something: genres, moods, instruments. Light.

Moods lie on two axes, glad or sad and excited or calm (Russell, "A circumplex model of affect", 1980).
"""

from __future__ import annotations

GENRE_WORDS: dict[str, tuple[str, ...]] = {
    "house": ("house", "deep house", "tech house", "progressive house",
        "disco", "nu disco", "dance", "edm", "club"),
    "techno": ("techno", "industrial", "minimal techno", "acid", "rave", "warehouse"),
    "trance": ("trance", "psytrance", "uplifting trance", "eurodance", "hardstyle"),
    "trap": ("trap", "drill", "phonk", "808s", "trap beat", "cloud rap"),
    "hip hop": ("hip hop", "hiphop", "boom bap", "rap", "old school hip hop", "r&b", "rnb"),
    "lo-fi hip hop": ("lo fi", "lofi", "chillhop",
        "study beats", "lofi hip hop", "lo fi hip hop", "chill hop"),
    "drum and bass": ("drum and bass", "drum n bass", "drum & bass", "drum'n'bass", "dnb", "d&b", "jungle",
                      "liquid", "neurofunk", "breakcore"),
    "ambient": ("ambient", "drone", "meditation", "soundscape",
        "new age", "sleep music", "atmospheric", "spa"),

      "synthwave": ("synthwave", "retrowave", "outrun", "vaporwave", "80s", "eighties", "synthpop",
          "synth pop",
                  "new wave", "chillwave", "cyberpunk"),
    "funk": ("funk", "funky", "soul", "motown", "groovy", "neo soul"),
    "rock": ("rock", "metal", "punk", "grunge",
        "indie", "indie rock", "hard rock", "alternative", "garage rock"),
    "jazz": ("jazz", "jazzy", "swing", "bebop", "smooth jazz", "blues", "bluesy", "big band"),
    "bossa nova": ("bossa nova", "bossa", "samba", "latin", "latin jazz", "brazilian"),
    "reggae": ("reggae", "dub", "ska", "dancehall", "rocksteady", "roots reggae"),

      "cinematic": ("cinematic", "orchestral", "epic", "film score", "soundtrack", "trailer", "movie",
          "classical",
                  "score", "symphonic", "film music"),
    "pop": ("pop", "pop song", "k pop", "kpop", "j pop", "radio"),
}  # fmt: skip

# word -> (valence -1..1, energy -1..1, brightness -1..1)
MOOD_WORDS: dict[str, tuple[float, float, float]] = {
    "happy": (0.9, 0.3, 0.3), "joyful": (1.0, 0.4, 0.4), "cheerful": (0.9, 0.3, 0.4),
    "upbeat": (0.7, 0.5, 0.3),
    "bright": (0.5, 0.2, 0.8), "sunny": (0.8, 0.2, 0.6), "uplifting": (0.7, 0.4, 0.4),
    "hopeful": (0.6, 0.0, 0.2),
    "playful": (0.7, 0.3, 0.4), "fun": (0.7, 0.4, 0.3), "triumphant": (0.8, 0.7, 0.4),
    "romantic": (0.4, -0.3, -0.1),
    "sad": (-0.9, -0.4, -0.4), "melancholic": (-0.8, -0.4, -0.4), "melancholy": (-0.8, -0.4, -0.4),
    "dark": (-0.8, 0.1, -0.8), "gloomy": (-0.8, -0.3, -0.6), "moody": (-0.5, -0.1, -0.4),
    "tense": (-0.6, 0.4, -0.1),
    "angry": (-0.8, 0.9, 0.2), "aggressive": (-0.6, 1.0, 0.3), "scary": (-0.9, 0.3, -0.5),
    "ominous": (-0.9, 0.0, -0.7),
    "mysterious": (-0.5, -0.2, -0.4), "nostalgic": (-0.2, -0.3, -0.3), "lonely": (-0.8, -0.5, -0.4),
    "bittersweet": (-0.3, -0.2, -0.1), "emotional": (-0.4, 0.0, 0.0), "dreamy": (0.1, -0.5, 0.0),
    "calm": (0.2, -0.8, -0.3), "relaxing": (0.3, -0.8, -0.3), "relaxed": (0.3, -0.7, -0.2),
    "chill": (0.2, -0.6, -0.2),
    "peaceful": (0.4, -0.9, -0.2), "soft": (0.1, -0.7, -0.5), "gentle": (0.3, -0.7, -0.4),
    "mellow": (0.1, -0.6, -0.4),
    "warm": (0.3, -0.3, -0.5), "smooth": (0.2, -0.4, -0.3), "quiet": (0.0, -0.8, -0.4),
    "sleepy": (0.0, -0.9, -0.5),
    "energetic": (0.3, 0.9, 0.4), "intense": (-0.2, 0.9, 0.3), "powerful": (0.1, 0.8, 0.2),
    "driving": (0.0, 0.7, 0.2),
    "hard": (-0.4, 0.8, 0.2), "heavy": (-0.4, 0.7, -0.2), "exciting": (0.5, 0.8, 0.4),
    "hype": (0.3, 0.9, 0.3),
    "party": (0.7, 0.8, 0.3), "euphoric": (0.8, 0.8, 0.5), "epic": (0.0, 0.7, 0.1), "wild": (0.1, 0.9, 0.4),
    "confident": (0.3, 0.5, 0.1), "motivational": (0.6, 0.6, 0.3), "inspiring": (0.6, 0.2, 0.3),
    "neutral": (0, 0, 0),
    "minimal": (0.0, -0.5, -0.1), "deep": (-0.2, -0.2, -0.5), "ethereal": (0.1, -0.6, 0.3),
    "cold": (-0.5, -0.1, 0.2),
}  # fmt: skip

# phrase -> (role, voice)
INSTRUMENT_WORDS: dict[str, tuple[str, str]] = {
    "piano": ("chords", "piano"), "grand piano": ("chords", "piano"), "rhodes": ("chords", "rhodes"),
    "electric piano": ("chords", "rhodes"), "organ": ("chords", "organ"), "pads": ("chords", "wide pad"),
    "pad": ("chords", "wide pad"), "strings": ("chords", "strings"), "acoustic guitar": ("chords", "nylon"),
    "nylon guitar": ("chords", "nylon"), "electric guitar": ("chords", "power"),
    "distorted guitar": ("chords", "power"),
    "guitar": ("chords", "nylon"), "guitars": ("chords", "nylon"), "guitar solo": ("melody", "lead guitar"),
    "choir": ("colour", "choir"), "harp": ("colour", "harp"), "brass": ("colour", "horns"),
    "horns": ("colour", "horns"),
    "saxophone": ("melody", "sax"), "sax": ("melody", "sax"), "flute": ("melody", "flute"),
    "trumpet": ("melody", "trumpet"),
    "bell": ("melody", "bell"), "bells": ("melody", "bell"), "marimba": ("melody", "marimba"),
    "kalimba": ("melody", "kalimba"),
    "vibraphone": ("melody", "vibes"), "vibes": ("melody", "vibes"), "violin": ("melody", "violin"),
    "harmonica": ("melody", "melodica"),
    "music box": ("melody", "music box"), "synth lead": ("melody", "lead"),
    "lead synth": ("melody", "lead"),
    "clavinet": ("melody", "clav"), "arp": ("colour", "pluck"), "arpeggio": ("colour", "pluck"),
    "arpeggios": ("colour", "pluck"),
    "plucks": ("melody", "pluck"), "808": ("bass", "808"), "upright bass": ("bass", "upright"),
    "double bass": ("bass", "upright"),
    "slap bass": ("bass", "slap"), "reese": ("bass", "reese"), "acid": ("colour", "acid"),
    "sub bass": ("bass", "deep"),
}  # fmt: skip

# phrase -> all the voices that play it, where there are more than that of INSTRUMENT_WORDS
INSTRUMENT_FAMILIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("guitar", "guitars"), ("nylon", "power", "wah guitar", "skank", "lead guitar")),
    "electric guitar": ("power", "wah guitar", "skank", "lead guitar"),
    "distorted guitar": ("power", "lead guitar"),
    "strings": ("strings", "spiccato", "low strings", "violin"),
    **dict.fromkeys(("rhodes", "electric piano"), ("rhodes", "muted keys", "stab")),
    "pad": ("wide pad", "pad", "dark pad", "brass pad"),
    "brass": ("horns", "horn", "trumpet", "brass pad"), "horns": ("horns", "horn"),
    **dict.fromkeys(("bell", "bells"), ("bell", "far bell", "keys bell")),
}  # fmt: skip

# what may be left out, or be the only thing: word -> roles
ROLE_WORDS: dict[str, tuple[str, ...]] = {
    "drums": ("drums",), "drum": ("drums",), "percussion": ("drums",), "beats": ("drums",),
    "beat": ("drums",),
    "bass": ("bass",), "bassline": ("bass",), "chords": ("chords", "colour"), "pads": ("chords", "colour"),
    "harmony": ("chords", "colour"), "melody": ("melody",), "lead": ("melody",), "melodies": ("melody",),
    "synths": ("chords", "colour", "melody"),
}  # fmt: skip

SPEED_WORDS = {
    "slow": -1.0, "slower": -0.7, "downtempo": -1.0, "laid back": -0.6, "fast": 1.0, "faster": 0.7,
    "uptempo": 0.9, "up tempo": 0.9, "quick": 0.7,
}  # fmt: skip
TEMPO_WORDS = {
    "largo": 50.0, "adagio": 70.0, "andante": 88.0, "moderato": 110.0, "allegro": 132.0, "vivace": 160.0,
    "presto": 180.0,
}  # fmt: skip
INTENSIFIERS = {
    "very": 1.5,
    "really": 1.4,
    "extremely": 1.8,
    "super": 1.5,
    "slightly": 0.5,
    "bit": 0.5,
    "not": -0.8,
}
METER_WORDS = {"6/8": "6/8", "3/4": "3/4", "4/4": "4/4", "waltz": "3/4"}
