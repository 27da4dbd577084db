"""What models make of a person's words: neighbours, surprisal, minimal pairs, the next words."""
