//! Values with a unit or a closed set of names: durations, rates, sizes, ranges, choices, operations.

use std::collections::BTreeSet;
use std::time::Duration;

use tally_model::Operation;
use tally_workloads::{OperationWeights, Rate, ValueRange};

use crate::diagnose::{Place, Problems, one_of};
use crate::read::document::Node;
use crate::read::reader::wrong_type;
use crate::read::{Reader, Value};
use crate::section::{Kind, MAX_COUNT};
use crate::units;

impl<'a> Reader<'a> {
    /// A duration within the bounds of its key.
    pub(crate) fn duration(&self, name: &str, problems: &mut Problems) -> Option<Duration> {
        let text = self.text(name, problems)?;
        let Some(duration) = units::duration(text) else {
            self.bad_unit(
                name,
                text,
                "a duration",
                "units are ns, us, ms, s, m and h: `250ms`, `1.5s`",
                problems,
            );
            return None;
        };
        let Some(Kind::Duration { min, max }) = self.kind(name) else {
            return Some(duration);
        };
        let (min, max) = (Duration::from_millis(*min), Duration::from_millis(*max));
        if (min..=max).contains(&duration) {
            return Some(duration);
        }
        let (low, high) = (units::say_duration(min), units::say_duration(max));
        problems
            .at(
                &self.place_of(name),
                "F0205",
                format!("`{name}` cannot be {text}"),
            )
            .label("out of bounds")
            .help(format!("write a duration from {low} to {high}"));
        None
    }

    /// A rate of more than 0 and at most 1,000,000/s.
    pub(crate) fn rate(&self, name: &str, problems: &mut Problems) -> Option<Rate> {
        let text = self.text(name, problems)?;
        let Some(rate) = units::rate(text) else {
            self.bad_unit(
                name,
                text,
                "a rate",
                "units are /s, /m and /h: `400/s`, `30/m`",
                problems,
            );
            return None;
        };
        if rate <= Rate::MAX {
            return Some(rate);
        }
        problems
            .at(
                &self.place_of(name),
                "F0205",
                format!("`{name}` cannot be {text}"),
            )
            .label("out of bounds")
            .help(format!("write at most {}", Rate::MAX));
        None
    }

    /// A size within the bounds of its key.
    pub(crate) fn size(&self, name: &str, problems: &mut Problems) -> Option<usize> {
        let text = self.text(name, problems)?;
        let Some(size) = units::size(text) else {
            self.bad_unit(
                name,
                text,
                "a size",
                "units are B, kB, MB, KiB and MiB: `64KiB`",
                problems,
            );
            return None;
        };
        match self.kind(name) {
            Some(Kind::Size { min, max }) if !(*min..=*max).contains(&size) => {
                problems
                    .at(
                        &self.place_of(name),
                        "F0205",
                        format!("`{name}` cannot be {text}"),
                    )
                    .label("out of bounds")
                    .help(format!("write a size from {min}B to {max}B"));
                None
            }
            _ => usize::try_from(size).ok(),
        }
    }

    fn bad_unit(&self, name: &str, text: &str, what: &str, help: &str, problems: &mut Problems) {
        problems
            .at(
                &self.place_of(name),
                "F0204",
                format!("`{}` is not {what}", text.escape_debug()),
            )
            .label(format!("`{name}` is {what}"))
            .help(help);
    }

    /// One of the names its key knows.
    pub(crate) fn choice(&self, name: &str, problems: &mut Problems) -> Option<&'a str> {
        let text = self.text(name, problems)?;
        self.choice_of(name, text, &self.place_of(name), problems)
    }

    /// One of the names that the key `name` knows, wherever it stands.
    pub(crate) fn choice_of<'t>(
        &self,
        name: &str,
        text: &'t str,
        place: &Place,
        problems: &mut Problems,
    ) -> Option<&'t str> {
        let (of, later) = match self.kind(name) {
            Some(Kind::Choice { of, later } | Kind::Scaler { of, later }) => (*of, *later),
            _ => return Some(text),
        };
        if of.contains(&text) {
            return Some(text);
        }
        if let Some((_, part)) = later.iter().find(|(known, _)| *known == text) {
            let mut now: Vec<String> = of.iter().map(|name| format!("`{name}`")).collect();
            if matches!(self.kind(name), Some(Kind::Scaler { .. })) {
                now.push("`fixed-N`".to_owned());
            }
            problems
                .at(
                    place,
                    "F0207",
                    format!("`{name} = \"{text}\"` is not available yet"),
                )
                .label("planned")
                .help(format!("it comes with {part}; today there is {}", now.join(", ")));
        } else {
            problems
                .at(
                    place,
                    "F0206",
                    format!("`{name}` cannot be `{}`", text.escape_debug()),
                )
                .label("unknown")
                .help(one_of(text, of.iter().copied()));
        }
        None
    }

    /// A list of counts; the first that is none is reported.
    pub(crate) fn counts(&self, name: &str, problems: &mut Problems) -> Option<Vec<u32>> {
        let node = self.node(name)?;
        let Value::Array(items) = &node.value else {
            wrong_type(
                node,
                &node.value,
                &format!("`{name}` is a list of whole numbers"),
                problems,
            );
            return None;
        };
        let count = |item: &Node| match item.value {
            Value::Integer(number) => u32::try_from(number).ok().filter(|count| *count <= MAX_COUNT),
            _ => None,
        };
        if let Some(item) = items.iter().find(|item| count(item).is_none()) {
            problems
                .at(&item.place, "F0205", format!("`{name}` cannot have this"))
                .label("not a count")
                .help(format!("every element is a whole number from 0 to {MAX_COUNT}"));
            return None;
        }
        Some(items.iter().filter_map(count).collect())
    }

    /// A range of operands.
    pub(crate) fn range(&self, name: &str, problems: &mut Problems) -> Option<ValueRange> {
        let text = self.text(name, problems)?;
        let range = units::range(text);
        if range.is_none() {
            let help = "write the smallest and the largest, at most nine digits each: `-999..999`";
            self.bad_unit(name, text, "a range of whole numbers", help, problems);
        }
        range
    }

    /// `["+", "-"]` or `{ "+" = 3 }`.
    pub(crate) fn operations(&self, name: &str, problems: &mut Problems) -> Option<OperationWeights> {
        let node = self.node(name)?;
        let mut weights = [0_u32; 4];
        let before = problems.count();
        match &node.value {
            Value::Array(items) => {
                for item in items {
                    let Value::Text { text, .. } = &item.value else {
                        wrong_type(
                            item,
                            &item.value,
                            "an operation is one of \"+\", \"-\", \"*\", \"/\"",
                            problems,
                        );
                        continue;
                    };
                    if let Some(operation) = operation(text, &item.place, problems) {
                        weights[operation.index()] = 1;
                    }
                }
            }
            Value::Table(entries) => {
                let mut seen = BTreeSet::new();
                for entry in entries {
                    let operation = operation(&entry.key, &entry.key_place, problems);
                    if let Some(twice) = operation.filter(|found| !seen.insert(*found)) {
                        problems
                            .at(&entry.key_place, "F0205", format!("`{twice}` has two weights"))
                            .label("given before")
                            .help("write its symbol or its name, not both");
                    }
                    match (&entry.node.value, operation) {
                        (Value::Integer(weight @ 0..=1_000_000), Some(operation)) => {
                            weights[operation.index()] = *weight as u32;
                        }
                        (_, None) => {}
                        (value, Some(_)) => {
                            wrong_type(
                                &entry.node,
                                value,
                                "a weight is a whole number from 0 to 1000000",
                                problems,
                            );
                        }
                    }
                }
            }
            other => wrong_type(
                node,
                other,
                "`ops` is a list of operations or a table of weights",
                problems,
            ),
        }
        if problems.count() == before && weights == [0; 4] {
            problems
                .at(&node.place, "F0205", "there is no operation to draw")
                .label("empty")
                .help("write at least one, `ops = [\"+\"]`");
        }
        (problems.count() == before).then_some(OperationWeights(weights))
    }
}

fn operation(text: &str, place: &Place, problems: &mut Problems) -> Option<Operation> {
    let found = Operation::from_text(text);
    if found.is_none() {
        problems
            .at(
                place,
                "F0206",
                format!("`{}` is not an operation", text.escape_debug()),
            )
            .label("unknown")
            .help("operations are `+`, `-`, `*` and `/`, or `add`, `sub`, `mul` and `div`");
    }
    found
}
