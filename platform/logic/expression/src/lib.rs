//! Text to tree to two-operand DAG to ready tasks to folded answer, in exact rational arithmetic.
