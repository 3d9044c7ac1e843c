//! Decides how many sets are wanted.
