//! Lost, duplicated, wrong, conflicting, unexpected, non-monotonic; certificate audit.
