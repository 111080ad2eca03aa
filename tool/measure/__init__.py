"""Measures real training steps on a real card, with randomly initialised models of the registry (`make measure`)."""
