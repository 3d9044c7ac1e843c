//! What watches: the histogram, the checker's own evaluator, a scaling policy.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use hdrhistogram::Histogram;
use tally_autoscale::{Known, Reading, Rules, Signal, policy};
use tally_model::{Depth, Instant, Operation, PlatformConfig, Scaler};

/// Longest latency a histogram tells apart: an hour in nanoseconds.
const LONGEST: u64 = 3_600_000_000_000;

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, LONGEST, 3).unwrap();
    let mut value = 1_u64;
    criterion.bench_function("histogram-record", |bencher| {
        bencher.iter(|| {
            value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            histogram.saturating_record(value >> 34);
        });
    });
    criterion.bench_function("checker-evaluate", |bencher| {
        bencher.iter(|| tally_check::reference::evaluate(black_box("((3+5)*(4/2))")));
    });
    let mut threshold = policy(
        Scaler::Threshold,
        Rules::of(&PlatformConfig::default()),
        &Known::default(),
    );
    threshold.start(None);
    let mut now = Instant::ZERO;
    criterion.bench_function("autoscale-decide", |bencher| {
        bencher.iter(|| {
            now = now + Duration::from_millis(100);
            threshold.decide(black_box(&signal(now)))
        });
    });
}

fn signal(now: Instant) -> Signal {
    let depth = Depth {
        visible: 20,
        in_flight: 4,
    };
    Signal {
        now,
        operation: Operation::Add,
        arrivals: 10,
        reading: Some(Reading {
            at: now,
            depth,
            oldest_wait: None,
        }),
        interval: None,
        start_delay: None,
        ready: 2,
        starting: 1,
    }
}
