"""One expression, several number systems."""
