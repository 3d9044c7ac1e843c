//! From text to tasks to the answer.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput};
use tally_expression::{Frontier, apply, parse};
use tally_model::Operation;

/// The report's example, and a text of a thousand operations.
fn texts() -> [(&'static str, String); 2] {
    let long: String = (1..=1_000).fold("0".to_owned(), |text, n| format!("{text}+{n}*{}", n % 7));
    [("report", "((3+5)*(4/2))".to_owned()), ("2000-operations", long)]
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, text) in texts() {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| parse(black_box(&text)).unwrap()));
    }
    group.finish();
    let mut group = criterion.benchmark_group("dag-and-frontier");
    for (name, text) in texts() {
        let expression = parse(&text).unwrap();
        group.throughput(Throughput::Elements(expression.dag().work() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || expression.dag(),
                |dag| fold(Frontier::new(dag)),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("apply");
    let wide = "9".repeat(400);
    for (name, left, right) in [("small", "22/7", "-3/2"), ("400-digits", wide.as_str(), "7/3")] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| apply(Operation::Mul, black_box(left), black_box(right)));
        });
    }
    group.finish();
}

/// Every task as soon as it is ready, to the answer.
fn fold(mut frontier: Frontier) -> tally_model::Outcome {
    loop {
        if let Some(answer) = frontier.answer() {
            return answer;
        }
        for task in frontier.ready() {
            frontier.complete(task.index, apply(task.operation, &task.left, &task.right));
        }
    }
}
