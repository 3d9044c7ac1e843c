//! Pure models of the outside: a queue, a store, a cluster, a link.
