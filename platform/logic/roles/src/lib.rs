//! The flow itself. Read the modules in this order: it is the way of a request.

/// What roles ask of the ports.
pub mod port;

/// What nodes say to each other.
pub mod packet;

/// What the layers did, told by the scheduler to whoever decides on the number of sets.
pub mod load;

/// 1. Accepts an expression and gives it an id; later hands out the answer.
pub mod gateway;

/// 2. Splits it, queues its parts by operation, dispatches what is ready, folds, answers.
pub mod scheduler;

/// 3. Computes one operation and asks its replicas to agree.
pub mod worker;

/// 4. Agrees.
pub mod replica;

/// Watches who is alive and raises faults.
pub mod admin;

/// The cluster service: makes the sets that are wanted, replaces members, deletes drained sets.
pub mod fleet;

/// Decides how many sets are wanted.
pub mod autoscaler;
