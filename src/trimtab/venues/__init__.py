"""Translate a protocol's dialect into the house's nouns, and intents into calls. Adapters hold no key."""
