//! The attributes of a queue that this server keeps, with their ranges and defaults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::{Fault, Kind};

/// What is set and what is not is told apart, because `CreateQueue` compares only what it is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attributes(BTreeMap<String, String>);

/// Name, least, most, default. `MaximumMessageSize` is bounded by the server.
const NUMBERS: &[(&str, u64, u64, u64)] = &[
    ("DelaySeconds", 0, 900, 0),
    ("MaximumMessageSize", 1024, u64::MAX, u64::MAX),
    ("MessageRetentionPeriod", 60, 1_209_600, 345_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 20, 0),
    ("VisibilityTimeout", 0, 43_200, 30),
];
/// The attribute that names a dead-letter queue.
const REDRIVE: &str = "RedrivePolicy";

/// Where dead letters go, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RedrivePolicy {
    pub(crate) target: String,
    pub(crate) receives: u32,
}

impl Attributes {
    /// Reads what a client sets; `largest` bounds `MaximumMessageSize`. Nothing is set unless all of it is right.
    pub(crate) fn read(given: BTreeMap<String, String>, largest: usize) -> Result<Self, Fault> {
        let mut read = BTreeMap::new();
        for (name, value) in given {
            let value = match NUMBERS.iter().find(|row| row.0 == name) {
                Some(&(_, least, most, _)) => number(&name, &value, least, most.min(bound(&name, largest)))?,
                None if name == REDRIVE && value.is_empty() => value,
                None if name == REDRIVE => {
                    redrive(&value)?;
                    value
                }
                None => return Err(unknown(&name)),
            };
            read.insert(name, value);
        }
        Ok(Self(read))
    }

    /// Sets what is given.
    pub(crate) fn merge(&mut self, given: Self) {
        self.0.extend(given.0);
        self.0.retain(|name, value| name != REDRIVE || !value.is_empty());
    }

    /// The first attribute that is given here with another value than a queue has.
    pub(crate) fn differs_from(&self, queue: &Self, largest: usize) -> Option<&str> {
        let differs = |(name, value): &(&String, &String)| {
            let has = queue.text(name, largest);
            has.as_deref() != Some(value.as_str()) && !(value.is_empty() && has.is_none())
        };
        self.0.iter().find(differs).map(|(name, _)| name.as_str())
    }

    /// A value as it is shown; the default of a number that is not set.
    pub(crate) fn text(&self, name: &str, largest: usize) -> Option<String> {
        let set = self.0.get(name).cloned();
        set.or_else(|| {
            let row = NUMBERS.iter().find(|row| row.0 == name)?;
            Some(row.3.min(bound(name, largest)).to_string())
        })
    }

    /// Names of everything that has a value.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let redrive = self.0.contains_key(REDRIVE).then_some(REDRIVE);
        NUMBERS.iter().map(|row| row.0).chain(redrive)
    }

    /// A number; 0 for a name that is none.
    pub(crate) fn number(&self, name: &str, largest: usize) -> u64 {
        let text = self.text(name, largest);
        text.and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// Where dead letters go.
    pub(crate) fn redrive(&self) -> Option<RedrivePolicy> {
        redrive(self.0.get(REDRIVE)?).ok()
    }
}

/// The server's own bound of an attribute.
fn bound(name: &str, largest: usize) -> u64 {
    if name == "MaximumMessageSize" {
        largest as u64
    } else {
        u64::MAX
    }
}

fn number(name: &str, value: &str, least: u64, most: u64) -> Result<String, Fault> {
    let number = value.trim().parse::<u64>().ok();
    match number.filter(|number| (least..=most).contains(number)) {
        Some(number) => Ok(number.to_string()),
        None => Err(Fault::new(
            Kind::AttributeValue,
            format!("Invalid value for the parameter {name}: must be between {least} and {most}."),
        )),
    }
}

/// Reads a policy as Amazon takes it: the count as a number or as a text.
fn redrive(text: &str) -> Result<RedrivePolicy, Fault> {
    let wrong = |reason: &str| {
        let message = format!("Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}.");
        Fault::new(Kind::Parameter, message)
    };
    let policy: Value =
        serde_json::from_str(text).map_err(|_| wrong("Redrive policy is not a valid JSON map"))?;
    let target = policy["deadLetterTargetArn"]
        .as_str()
        .ok_or_else(|| wrong("Redrive policy does not contain mandatory attribute: deadLetterTargetArn"))?;
    let count = &policy["maxReceiveCount"];
    let count = count
        .as_u64()
        .or_else(|| count.as_str()?.trim().parse().ok())
        .filter(|count| (1..=1000).contains(count))
        .ok_or_else(|| wrong("maxReceiveCount must be a number between 1 and 1000"))?;
    Ok(RedrivePolicy {
        target: target.to_owned(),
        receives: count as u32,
    })
}

/// An attribute that this server does not keep.
pub(crate) fn unknown(name: &str) -> Fault {
    let message = format!("The attribute {name} is unknown, or not offered by this server.");
    Fault::new(Kind::AttributeName, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGEST: usize = 1 << 20;

    fn read(name: &str, value: &str) -> Result<Attributes, Fault> {
        Attributes::read(BTreeMap::from([(name.to_owned(), value.to_owned())]), LARGEST)
    }

    /// Claim: the count of a redrive policy may be a number or a text, as at Amazon; the rest of the table is refused.
    #[test]
    fn redrive_policies_are_read_as_amazon_does() {
        for (count, expected) in [
            ("3", Some(3)),
            ("\"3\"", Some(3)),
            ("0", None),
            ("\"x\"", None),
            ("1001", None),
        ] {
            let policy = format!("{{\"deadLetterTargetArn\":\"arn:x\",\"maxReceiveCount\":{count}}}");
            let receives = read("RedrivePolicy", &policy)
                .ok()
                .and_then(|read| read.redrive());
            assert_eq!(receives.map(|policy| policy.receives), expected, "{count}");
        }
        assert!(read("RedrivePolicy", "{}").is_err());
        assert!(read("RedrivePolicy", "[").is_err());
        assert_eq!(read("RedrivePolicy", "").map(|read| read.redrive()), Ok(None));
    }

    /// Claim: numbers keep to their ranges, unknown names are refused, defaults are those of SQS.
    #[test]
    fn numbers_keep_to_their_ranges() {
        for (name, value, good) in [
            ("VisibilityTimeout", "0", true),
            ("VisibilityTimeout", "43200", true),
            ("VisibilityTimeout", "43201", false),
            ("DelaySeconds", "901", false),
            ("MaximumMessageSize", "1048576", true),
            ("MaximumMessageSize", "1048577", false),
            ("MaximumMessageSize", "1023", false),
            ("ReceiveMessageWaitTimeSeconds", "x", false),
            ("FifoQueue", "true", false),
        ] {
            assert_eq!(read(name, value).is_ok(), good, "{name} = {value}");
        }
        let defaults = Attributes::default();
        assert_eq!(defaults.number("VisibilityTimeout", LARGEST), 30);
        assert_eq!(defaults.number("MaximumMessageSize", LARGEST), 1 << 20);
    }

    /// Claim: only what is given is compared, a default counts as what is set, and no policy equals an empty one.
    #[test]
    fn comparison_is_of_what_is_given() {
        let Ok(queue) = read("VisibilityTimeout", "7") else {
            panic!("it is right")
        };
        for (name, value, differs) in [
            ("VisibilityTimeout", "7", false),
            ("VisibilityTimeout", "8", true),
            ("DelaySeconds", "0", false),
            ("RedrivePolicy", "", false),
        ] {
            let given = read(name, value).expect("it is right");
            assert_eq!(
                given.differs_from(&queue, LARGEST).is_some(),
                differs,
                "{name} = {value}"
            );
        }
    }
}
