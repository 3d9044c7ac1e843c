//! Splits, queues, dispatches, folds, answers.
