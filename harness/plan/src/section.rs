//! What an experiment file may say, as data: the reader, the schema and the error messages all follow these tables.

/// A table of the file.
#[derive(Debug)]
pub(crate) struct Section {
    /// Where it stands, for messages: `[platform]`.
    pub(crate) title: &'static str,
    /// Its keys, in the order of the documentation.
    pub(crate) keys: &'static [Key],
    /// Keys that are planned, and what brings them.
    pub(crate) later: &'static [(&'static str, &'static str)],
}

impl Section {
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// A key of a table.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// One line for editors.
    pub(crate) doc: &'static str,
}

/// The largest number of a list of counts.
pub(crate) const MAX_COUNT: u32 = 10_000_000;

/// How an operation is written: by its name or its symbol.
pub(crate) const OPERATIONS: &[&str] = &["add", "sub", "mul", "div", "+", "-", "*", "/"];

/// Names that mean something else beside the folders of experiments: the link to the newest run, and the folder of comparisons.
pub(crate) const RESERVED: &[&str] = &["latest", "comparisons"];

/// What a key takes.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// `[a-z0-9-]{1,40}`.
    Name,
    /// A name that becomes a folder: one that begins with a letter or digit and is none of [`RESERVED`].
    Folder,
    /// A whole number.
    Integer { min: i64, max: i64 },
    /// A number.
    Number { min: f64, max: f64 },
    /// `true` or `false`.
    Flag,
    /// A text such as `250ms`, in milliseconds from `min` to `max`.
    Duration { min: u64, max: u64 },
    /// A text such as `400/s`.
    Rate,
    /// A text such as `64KiB`, in bytes.
    Size { min: u64, max: u64 },
    /// One of these; the second list holds what is planned, and what brings it.
    Choice {
        of: &'static [&'static str],
        later: &'static [(&'static str, &'static str)],
    },
    /// A list of what `Scaler` takes.
    Scalers,
    /// As [`Kind::Scalers`], or `all`.
    Policies,
    /// `fixed-3`, or one of these as in `Choice`.
    Scaler {
        of: &'static [&'static str],
        later: &'static [(&'static str, &'static str)],
    },
    /// One of these whole numbers.
    OneOf(&'static [i64]),
    /// A text such as `-999..999`.
    Range,
    /// A list of symbols, or a table of symbols with weights.
    Operations,
    /// A list of whole numbers from 0 to 10,000,000.
    Counts,
    /// A list of texts.
    Texts,
    /// Any keys of the file, with other values.
    Changes,
    /// A table.
    Table(&'static Section),
    /// `[[name]]`.
    Tables(&'static Section),
    /// A table, or a list of texts and tables.
    Expressions {
        shape: &'static Section,
        fixed: &'static Section,
    },
}

/// A key that may be left out.
pub(crate) const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        required: false,
        doc,
    }
}

/// A key that must be there.
pub(crate) const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        required: true,
        doc,
    }
}

impl Kind {
    /// A value as it would be written in the file.
    pub(crate) fn example(&self) -> String {
        match self {
            Self::Text => "\"...\"".to_owned(),
            Self::Name | Self::Folder => "\"my-name\"".to_owned(),
            Self::Integer { min, .. } => min.to_string(),
            Self::Number { min, .. } => format!("{min:?}"),
            Self::Flag => "true".to_owned(),
            Self::Duration { .. } => "\"10s\"".to_owned(),
            Self::Rate => "\"50/s\"".to_owned(),
            Self::Size { .. } => "\"64KiB\"".to_owned(),
            Self::Choice { of, .. } | Self::Scaler { of, .. } => format!("\"{}\"", of.first().unwrap_or(&"")),
            Self::OneOf(numbers) => numbers.first().map_or_else(String::new, i64::to_string),
            Self::Range => "\"1..99\"".to_owned(),
            Self::Operations => "[\"+\", \"-\"]".to_owned(),
            Self::Counts => "[10, 20]".to_owned(),
            Self::Scalers => "[\"threshold\"]".to_owned(),
            Self::Policies => "[\"all\"]".to_owned(),
            Self::Texts => "[\"...\"]".to_owned(),
            Self::Changes | Self::Table(_) => "{ ... }".to_owned(),
            Self::Tables(_) => "[...]".to_owned(),
            Self::Expressions { .. } => "{ kind = \"flat\" }".to_owned(),
        }
    }
}
