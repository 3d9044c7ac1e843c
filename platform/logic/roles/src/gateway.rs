//! Accepts an expression and gives it an id; later hands out the answer.
