"""The nouns of the field as frozen values: markets, intents, quotes, positions, Greeks. No I/O."""
