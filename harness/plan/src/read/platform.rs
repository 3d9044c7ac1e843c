//! `[platform]` to `PlatformConfig`: what is not said is the platform's own default.

use std::time::Duration;

use tally_model::{
    Dispatch, LeaderChange, Limits, Operation, PlatformConfig, Protocol, Scaler, Suite, Timing, Work,
    WorkDistribution, WorkKind,
};

use crate::diagnose::Problems;
use crate::read::{Reader, scaling};

/// Reads the table.
pub(crate) fn read(reader: &Reader<'_>, problems: &mut Problems) -> PlatformConfig {
    let mut config = PlatformConfig::default();
    let named = |name, problems: &mut Problems| reader.choice(name, problems);
    update(
        &mut config.protocol,
        named("protocol", problems).and_then(Protocol::from_name),
    );
    update(
        &mut config.suite,
        named("suite", problems).and_then(Suite::from_name),
    );
    update(
        &mut config.dispatch,
        named("dispatch", problems).and_then(Dispatch::from_name),
    );
    update(&mut config.replicas, config.protocol.sizes().first().copied());
    update(
        &mut config.replicas,
        reader.integer("replicas", problems).map(|n| n as u8),
    );
    update(
        &mut config.count_leader_vote,
        reader.flag("count-leader-vote", problems),
    );
    let leader = named("leader", problems).and_then(LeaderChange::from_name);
    config.leader = leader;
    update(&mut config.leader_lock, reader.flag("leader-lock", problems));
    update(&mut config.scaler, scaling::driving(reader, problems));
    scaling::read(&mut config.scaling, reader, problems);
    update(
        &mut config.threshold,
        reader.integer("threshold", problems).map(|n| n as u32),
    );
    update(
        &mut config.bounds.min,
        reader.integer("min", problems).map(|n| n as u32),
    );
    update(
        &mut config.bounds.max,
        reader.integer("max", problems).map(|n| n as u32),
    );
    timing(&mut config.timing, reader, problems);
    limits(&mut config.limits, reader, problems);
    config.work = work(reader, problems);
    check(&config, reader, problems);
    check_leader(&config, reader, problems);
    check_whole(&config, reader, problems);
    config
}

pub(super) fn update<T>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

fn timing(timing: &mut Timing, reader: &Reader<'_>, problems: &mut Problems) {
    let fields: [(&str, &mut Duration); 12] = [
        ("visibility", &mut timing.visibility),
        ("probe-interval", &mut timing.probe_interval),
        ("probe-timeout", &mut timing.probe_timeout),
        ("quorum-timeout", &mut timing.quorum_timeout),
        ("task-timeout", &mut timing.task_timeout),
        ("scale-tick", &mut timing.scale_tick),
        ("scale-down-after", &mut timing.scale_down_after),
        ("drain-timeout", &mut timing.drain_timeout),
        ("report-poll", &mut timing.report_poll),
        ("report-sleep", &mut timing.report_sleep),
        ("retention", &mut timing.retention),
        ("start-timeout", &mut timing.start_timeout),
    ];
    for (name, field) in fields {
        update(field, reader.duration(name, problems));
    }
    update(
        &mut timing.probe_misses,
        reader.integer("probe-misses", problems).map(|n| n as u32),
    );
}

fn limits(limits: &mut Limits, reader: &Reader<'_>, problems: &mut Problems) {
    let durations: [(&str, &mut Duration); 4] = [
        ("head-timeout", &mut limits.head_timeout),
        ("body-timeout", &mut limits.body_timeout),
        ("idle-timeout", &mut limits.idle_timeout),
        ("wait", &mut limits.wait),
    ];
    for (name, field) in durations {
        update(field, reader.duration(name, problems));
    }
    let counts: [(&str, &mut usize); 3] = [
        ("pending", &mut limits.pending),
        ("connections", &mut limits.connections),
        ("in-flight", &mut limits.in_flight),
    ];
    for (name, field) in counts {
        update(field, reader.integer(name, problems).map(|n| n as usize));
    }
    update(&mut limits.body, reader.size("body", problems));
    update(&mut limits.headers, reader.size("headers", problems));
    update(
        &mut limits.receives,
        reader.integer("receives", problems).map(|n| n as u32),
    );
}

/// A service time of which only some parts were said.
#[derive(Clone, Copy, Default)]
struct Partial {
    kind: Option<WorkKind>,
    mean: Option<Duration>,
    distribution: Option<WorkDistribution>,
    replicas: Option<bool>,
    processor: Option<u8>,
}

impl Partial {
    fn read(reader: &Reader<'_>, problems: &mut Problems) -> Self {
        let mean = reader.duration("mean", problems);
        if mean.is_some_and(|mean| mean.is_zero()) {
            problems
                .at(&reader.place_of("mean"), "F0205", "`mean` cannot be 0")
                .label("out of bounds")
                .help("leave `work` out for no service time");
        }
        Self {
            kind: reader.choice("kind", problems).and_then(WorkKind::from_name),
            mean,
            distribution: reader
                .choice("dist", problems)
                .and_then(WorkDistribution::from_name),
            replicas: reader.flag("replicas", problems),
            processor: reader.integer("processor", problems).map(|percent| percent as u8),
        }
    }

    fn or(self, base: Self) -> Self {
        Self {
            kind: self.kind.or(base.kind),
            mean: self.mean.or(base.mean),
            distribution: self.distribution.or(base.distribution),
            replicas: self.replicas.or(base.replicas),
            processor: self.processor.or(base.processor),
        }
    }

    /// True if some of its time can be spent without the processor.
    fn waits(self) -> bool {
        self.kind != Some(WorkKind::Spin)
    }

    fn complete(self) -> Option<Work> {
        Some(Work {
            kind: self.kind.unwrap_or(WorkKind::Delay),
            mean: self.mean?,
            distribution: self.distribution.unwrap_or(WorkDistribution::Exponential),
            replicas: self.replicas.unwrap_or(false),
            processor: self.processor.unwrap_or(0),
        })
    }
}

/// `processor` is a share of a delay.
fn refuse_processor(work: &Reader<'_>, problems: &mut Problems) {
    if work.has("processor") {
        problems
            .at(
                &work.place_of("processor"),
                "F0210",
                "`kind = \"spin\"` burns all of its time",
            )
            .label("without effect")
            .help("leave `processor` out, or choose `kind = \"delay\"`");
    }
}

/// `work = { mean = "20ms" }` for all, `work.add = { ... }` for one; what one leaves out it takes from all.
fn work(platform: &Reader<'_>, problems: &mut Problems) -> [Option<Work>; 4] {
    let mut work = [None; 4];
    let Some(reader) = platform.table("work", problems) else {
        return work;
    };
    let base = Partial::read(&reader, problems);
    let mut any = base.mean.is_some();
    let mut any_waits = false;
    for operation in Operation::ALL {
        let own = reader.table(operation.name(), problems);
        let partial = own
            .as_ref()
            .map_or(base, |own| Partial::read(own, problems).or(base));
        work[operation.index()] = partial.complete();
        any |= own.is_some();
        any_waits |= partial.waits();
        if let Some(own) = own.as_ref().filter(|_| !partial.waits()) {
            refuse_processor(own, problems);
        }
        if let Some(own) = own.filter(|own| partial.mean.is_none() && !own.has("mean")) {
            problems
                .at(
                    &own.place,
                    "F0202",
                    format!("`mean` is missing in `work.{operation}`"),
                )
                .label("in this table")
                .help("add `mean = \"20ms\"` here or in `work`");
        }
    }
    if !any_waits {
        refuse_processor(&reader, problems);
    }
    if !any && !reader.has("mean") {
        problems
            .at(&reader.place, "F0202", "`mean` is missing in `work`")
            .label("in this table")
            .help("add `mean = \"20ms\"`: the mean service time");
    }
    work
}

/// Values that contradict each other.
fn check(config: &PlatformConfig, reader: &Reader<'_>, problems: &mut Problems) {
    let bounds = config.bounds;
    if bounds.min > bounds.max {
        let name = if reader.has("min") { "min" } else { "max" };
        problems
            .at(
                &reader.place_of(name),
                "F0205",
                format!("`min` is {} and `max` is {}", bounds.min, bounds.max),
            )
            .label("no number fits")
            .help("write a `min` that is not above `max`");
    }
    if let Scaler::Fixed(count) = config.scaler
        && !(bounds.min..=bounds.max).contains(&count)
    {
        problems
            .at(
                &reader.place_of("scaler"),
                "F0205",
                format!(
                    "`fixed-{count}` is outside of {}..{} sets",
                    bounds.min, bounds.max
                ),
            )
            .label("never reached")
            .help("widen `min` and `max`, or fix a number between them");
    }
    if config.protocol == Protocol::None && reader.has("replicas") {
        // Who plays a file without its replicas, by `--set` or as an arm, need not edit it.
        if reader.place_of("protocol").set.is_some() && reader.place_of("replicas").set.is_none() {
            return;
        }
        problems
            .at(
                &reader.place_of("replicas"),
                "F0210",
                "`protocol = \"none\"` has no replicas",
            )
            .label("without effect")
            .help("leave `replicas` out, or choose another protocol");
    } else if reader.has("replicas") && !config.protocol.sizes().contains(&config.replicas) {
        let (protocol, replicas) = (config.protocol, config.replicas);
        let sizes: Vec<String> = protocol.sizes().iter().map(u8::to_string).collect();
        problems
            .at(
                &reader.place_of("replicas"),
                "F0205",
                format!("`protocol = \"{protocol}\"` has no sets of {replicas} replicas"),
            )
            .label("no f fits")
            .help(format!("write {}", sizes.join(" or ")));
    }
}

/// A whole expression is computed by one worker, which no replicas follow.
fn check_whole(config: &PlatformConfig, reader: &Reader<'_>, problems: &mut Problems) {
    if config.dispatch != Dispatch::Whole || config.protocol == Protocol::None {
        return;
    }
    let problem = format!(
        "`dispatch = \"whole\"` has no replicas, and `protocol` is \"{}\"",
        config.protocol
    );
    problems
        .at(&reader.place_of("dispatch"), "F0210", problem)
        .label("one worker computes the whole expression")
        .help("write `protocol = \"none\"` as well, or compare with `--against whole`, which does");
}

/// What the protocol cannot do with its leaders.
fn check_leader(config: &PlatformConfig, reader: &Reader<'_>, problems: &mut Problems) {
    let protocol = config.protocol;
    let ways = protocol.leader_changes();
    if let Some(leader) = config.leader.filter(|leader| !ways.contains(leader)) {
        let names: Vec<String> = ways.iter().map(|way| format!("`{way}`")).collect();
        let help = match names.as_slice() {
            [] => "nobody leads there: leave `leader` out".to_owned(),
            names => format!("it has {}", names.join(" and ")),
        };
        let problem = format!("`protocol = \"{protocol}\"` has no `leader = \"{leader}\"`");
        problems
            .at(&reader.place_of("leader"), "F0210", problem)
            .label("another protocol's")
            .help(help);
    }
    if config.leader_lock && protocol != Protocol::Collect {
        let problem = format!("`protocol = \"{protocol}\"` has no `leader-lock`");
        problems
            .at(&reader.place_of("leader-lock"), "F0210", problem)
            .label("without effect")
            .help("leave it out, or write `protocol = \"collect\"`");
    }
}
