"""The commands of ``elboproof``, one module each."""
