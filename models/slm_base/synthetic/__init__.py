"""Synthetic business text with known spans; ../synthesize is its command."""
