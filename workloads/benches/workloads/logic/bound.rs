//! Claims about the lower bound.

use crate::bound::*;

const PRIMITIVES: Primitives = Primitives {
    round_trip: 20.0,
    http: 100.0,
    sign: 1_000.0,
    verify: 10_000.0,
    durable: 1e6,
    put: 2e6,
};
const SHAPE: Shape = Shape {
    operations: 3,
    levels: 2,
};

/// The counts are those that `tally_consensus` states for n = 4 and n = 7: 6 and 9 signatures, 13 and 24
/// verifications in the set, and 2f+1 more by the scheduler.
#[test]
fn counts_are_those_of_the_protocol() {
    for (n, path, work) in [(4, (6, 4, 11), (10, 6, 13 + 3)), (7, (6, 4, 17), (16, 9, 24 + 5))] {
        let triple = |counts: Counts| (counts.hops, counts.signs, counts.verifies);
        assert_eq!(triple(path_of_level(Certified::Collect(n))), path, "n = {n}");
        assert_eq!(triple(work_of_operation(Certified::Collect(n))), work, "n = {n}");
    }
}

/// Each primitive enters as often as the formula says.
#[test]
fn the_bound_is_the_formula() {
    let none = Bound::of(SHAPE, Certified::Not, &PRIMITIVES, 2);
    assert_eq!(none.path, 100.0 + 2e6 + 2.0 * 2.0 * 10.0);
    assert_eq!(none.work * 2.0, 100.0 + 3.0 * 2.0 * 10.0);
    let four = Bound::of(SHAPE, Certified::Collect(4), &PRIMITIVES, 2);
    assert_eq!(four.path, 100.0 + 2e6 + 2.0 * (6.0 * 10.0 + 4e3 + 11e4));
    assert_eq!(four.work * 2.0, 100.0 + 3.0 * (10.0 * 10.0 + 6e3 + 16e4));
    assert_eq!(four.nanos(), four.path);
}

/// Where writes cost nothing, the work of all replicas on few cores is the larger term.
#[test]
fn few_cores_bound_what_endless_cores_would_not() {
    let memory = Primitives {
        durable: 0.0,
        ..PRIMITIVES
    };
    let bound = Bound::of(SHAPE, Certified::Collect(7), &memory, 1);
    assert_eq!(bound.nanos(), bound.work);
}

/// A disturbed block never raises the bound: of each primitive the quickest counts.
#[test]
fn the_quickest_of_each_primitive_counts() {
    let disturbed = Primitives {
        durable: 4e7,
        sign: 500.0,
        ..PRIMITIVES
    };
    let quickest = PRIMITIVES.quickest(disturbed);
    assert_eq!((quickest.durable, quickest.sign), (1e6, 500.0));
    assert_eq!(quickest, disturbed.quickest(PRIMITIVES));
}

/// A median below a lower bound proves that the bound is none; it is not a success. Nor is no median at all.
#[test]
fn what_is_below_the_bound_reaches_nothing() {
    for (ratio, expected) in [
        (0.52, Reach::Disturbed),
        (1.0, Reach::Reached),
        (MOST, Reach::Reached),
        (4.01, Reach::Missed),
        (f64::NAN, Reach::Missed),
    ] {
        assert_eq!(reach(ratio), expected, "{ratio}");
    }
}
