"""From parameters to a score: form, harmony, drums, bass, accompaniment and melody. No sound is made here."""
