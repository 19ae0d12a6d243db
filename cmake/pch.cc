// Carries the precompiled header that every target of the same kind reuses.
