//! Takes the values of one table out of the tree, typed and bounded as its section says.

use crate::diagnose::{Place, Problems, did_you_mean};
use crate::read::document::{Entry, Node, Value};
use crate::section::{Key, Kind, RESERVED, Section};

/// A reader of one table. Every method gives `None` both for what is absent and for what is wrong, and reports the
/// latter, so that reading goes on.
pub(crate) struct Reader<'a> {
    section: &'static Section,
    entries: &'a [Entry],
    /// Where the table stands, for keys that are missing.
    pub(crate) place: Place,
}

impl<'a> Reader<'a> {
    /// Reports unknown and missing keys at once.
    pub(crate) fn new(
        section: &'static Section,
        entries: &'a [Entry],
        place: Place,
        problems: &mut Problems,
    ) -> Self {
        let reader = Self {
            section,
            entries,
            place,
        };
        for entry in entries.iter().filter(|entry| section.key(&entry.key).is_none()) {
            reader.unknown(entry, problems);
        }
        for key in section
            .keys
            .iter()
            .filter(|key| key.required && reader.entry(key.name).is_none())
        {
            reader.missing(key, problems);
        }
        reader
    }

    /// The reader of a table value; reports anything else.
    pub(crate) fn of(section: &'static Section, node: &'a Node, problems: &mut Problems) -> Option<Self> {
        match &node.value {
            Value::Table(entries) => Some(Self::new(section, entries, node.place.clone(), problems)),
            other => {
                wrong_type(node, other, &format!("{} is a table", section.title), problems);
                None
            }
        }
    }

    fn unknown(&self, entry: &Entry, problems: &mut Problems) {
        let (key, title) = (&entry.key, self.section.title);
        if let Some((_, part)) = self.section.later.iter().find(|(name, _)| name == key) {
            problems
                .at(&entry.key_place, "F0207", format!("`{key}` is not available yet"))
                .label("planned")
                .help(format!("it comes with {part}; leave it out for now"));
            return;
        }
        let names = || self.section.keys.iter().map(|key| key.name);
        // A key that is missing is the likeliest one to be meant.
        let missing = self
            .section
            .keys
            .iter()
            .filter(|known| known.required && self.entry(known.name).is_none());
        let near = did_you_mean(key, missing.map(|known| known.name)).or_else(|| did_you_mean(key, names()));
        let help = match near {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!(
                "{title} has {}",
                names()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        };
        problems
            .at(
                &entry.key_place,
                "F0201",
                format!("unknown key `{key}` in {title}"),
            )
            .label("not a key of this table")
            .help(help);
    }

    fn missing(&self, key: &Key, problems: &mut Problems) {
        let (code, help) = match (self.section.title, key.name) {
            ("[[fault]]", "for") => (
                "F0208",
                "write how long it lasts, `for = \"5s\"`: every fault ends by itself".to_owned(),
            ),
            _ if matches!(key.kind, Kind::Tables(_)) => {
                ("F0202", format!("add a `[[{}]]` table: {}", key.name, key.doc))
            }
            _ => (
                "F0202",
                format!("add `{} = {}`: {}", key.name, key.kind.example(), key.doc),
            ),
        };
        problems
            .at(
                &self.place,
                code,
                format!("`{}` is missing in {}", key.name, self.section.title),
            )
            .label("in this table")
            .help(help);
    }

    fn entry(&self, name: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == name)
    }

    /// The value of a key, unread.
    pub(crate) fn node(&self, name: &str) -> Option<&'a Node> {
        debug_assert!(
            self.section.key(name).is_some(),
            "{name} is not in the table {}",
            self.section.title
        );
        self.entry(name).map(|entry| &entry.node)
    }

    /// Where a key's value stands; the table's own place if it is absent.
    pub(crate) fn place_of(&self, name: &str) -> Place {
        self.node(name)
            .map_or_else(|| self.place.clone(), |node| node.place.clone())
    }

    /// Where a key itself stands.
    pub(crate) fn key_place(&self, name: &str) -> Place {
        self.entry(name)
            .map_or_else(|| self.place.clone(), |entry| entry.key_place.clone())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    pub(crate) fn kind(&self, name: &str) -> Option<&'static Kind> {
        self.section.key(name).map(|key| &key.kind)
    }

    /// A text of any kind.
    pub(crate) fn text(&self, name: &str, problems: &mut Problems) -> Option<&'a str> {
        let node = self.node(name)?;
        let Value::Text { text, .. } = &node.value else {
            let example = self.kind(name).map_or_else(String::new, Kind::example);
            wrong_type(
                node,
                &node.value,
                &format!("`{name}` is a text, such as {example}"),
                problems,
            );
            return None;
        };
        Some(text)
    }

    /// A name, checked.
    pub(crate) fn name(&self, name: &str, problems: &mut Problems) -> Option<&'a str> {
        let text = self.text(name, problems)?;
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=40).contains(&text.len()) && text.bytes().all(fits) {
            return Some(text);
        }
        problems
            .at(
                &self.place_of(name),
                "F0301",
                format!("`{}` is not a name", text.escape_debug()),
            )
            .label("names become paths")
            .help("a name has 1 to 40 of the characters a-z, 0-9 and -");
        None
    }

    /// A name that becomes a folder of runs, checked.
    pub(crate) fn folder(&self, name: &str, problems: &mut Problems) -> Option<&'a str> {
        let text = self.name(name, problems)?;
        if !text.starts_with('-') && !RESERVED.contains(&text) {
            return Some(text);
        }
        problems
            .at(
                &self.place_of(name),
                "F0301",
                format!("`{text}` cannot be the name of a folder of runs"),
            )
            .label("commands would take it for something else")
            .help(format!(
                "it begins with a letter or digit, and is not {}",
                RESERVED.join(" or ")
            ));
        None
    }

    /// A whole number within the bounds of its key.
    pub(crate) fn integer(&self, name: &str, problems: &mut Problems) -> Option<i64> {
        let node = self.node(name)?;
        let Value::Integer(number) = node.value else {
            wrong_type(
                node,
                &node.value,
                &format!("`{name}` is a whole number"),
                problems,
            );
            return None;
        };
        let help = match self.kind(name) {
            Some(Kind::Integer { min, max }) if !(*min..=*max).contains(&number) => {
                format!("from {min} to {max}")
            }
            Some(Kind::OneOf(numbers)) if !numbers.contains(&number) => {
                let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
                numbers.join(" or ")
            }
            _ => return Some(number),
        };
        problems
            .at(&node.place, "F0205", format!("`{name}` cannot be {number}"))
            .label("out of bounds")
            .help(format!("write {help}"));
        None
    }

    /// A number within the bounds of its key.
    pub(crate) fn number(&self, name: &str, problems: &mut Problems) -> Option<f64> {
        let node = self.node(name)?;
        let number = match node.value {
            Value::Float(number) => number,
            Value::Integer(number) => number as f64,
            _ => {
                wrong_type(node, &node.value, &format!("`{name}` is a number"), problems);
                return None;
            }
        };
        match self.kind(name) {
            Some(Kind::Number { min, max }) if !(*min..=*max).contains(&number) => {
                problems
                    .at(&node.place, "F0205", format!("`{name}` cannot be {number}"))
                    .label("out of bounds")
                    .help(format!("write a number from {min} to {max}"));
                None
            }
            _ => Some(number),
        }
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str, problems: &mut Problems) -> Option<bool> {
        let node = self.node(name)?;
        let Value::Boolean(flag) = node.value else {
            wrong_type(
                node,
                &node.value,
                &format!("`{name}` is true or false, without quotes"),
                problems,
            );
            return None;
        };
        Some(flag)
    }

    /// A list of texts.
    pub(crate) fn texts(&self, name: &str, problems: &mut Problems) -> Vec<(&'a str, &'a Node)> {
        let mut texts = Vec::new();
        for item in self.list(name, problems) {
            match &item.value {
                Value::Text { text, .. } => texts.push((text.as_str(), item)),
                other => wrong_type(item, other, &format!("`{name}` is a list of texts"), problems),
            }
        }
        texts
    }

    /// A table inside this one.
    pub(crate) fn table(&self, name: &str, problems: &mut Problems) -> Option<Self> {
        let Some(Kind::Table(section)) = self.kind(name) else {
            return None;
        };
        Self::of(section, self.node(name)?, problems)
    }

    /// `[[name]]`: a list of tables.
    pub(crate) fn tables(&self, name: &str, problems: &mut Problems) -> Vec<Self> {
        let Some(Kind::Tables(section)) = self.kind(name) else {
            return Vec::new();
        };
        self.list(name, problems)
            .iter()
            .filter_map(|item| Self::of(section, item, problems))
            .collect()
    }

    fn list(&self, name: &str, problems: &mut Problems) -> &'a [Node] {
        let Some(node) = self.node(name) else { return &[] };
        match &node.value {
            Value::Array(items) => items,
            other => {
                let help = match self.kind(name) {
                    Some(Kind::Tables(_)) => format!("write `[[{name}]]` with two brackets"),
                    _ => format!("`{name}` is a list, in square brackets"),
                };
                wrong_type(node, other, &help, problems);
                &[]
            }
        }
    }
}

/// Reports a value of the wrong type.
pub(crate) fn wrong_type(node: &Node, found: &Value, wanted: &str, problems: &mut Problems) {
    problems
        .at(&node.place, "F0203", format!("this is {}", found.describe()))
        .label("wrong type")
        .help(wanted);
}
