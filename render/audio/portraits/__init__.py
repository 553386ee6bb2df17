"""What a sound is like in a few kilobytes: how loud, and where its energy lies over time and pitch. Two
sounds are compared by their portraits, without decoding either again."""
