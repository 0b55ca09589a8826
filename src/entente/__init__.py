"""entente: a joint center in software for parties that do not trust each other."""
