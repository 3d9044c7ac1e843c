//! Seeded generators of expressions and arrivals, the catalog and its fingerprints.
