"""What a language model makes of a person's text: surprisal, minimal pairs, the next words."""
