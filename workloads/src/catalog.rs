//! The experiments that come with Tally, as texts.

/// An experiment of the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogEntry {
    /// Its name, equal to the name in the file.
    pub name: &'static str,
    /// The experiment file.
    pub source: &'static str,
}

macro_rules! entries {
    ($($name:literal),+ $(,)?) => {
        &[$(CatalogEntry { name: $name, source: include_str!(concat!("../catalog/", $name, ".toml")) }),+]
    };
}

/// Every experiment, the quickest first.
pub const CATALOG: &[CatalogEntry] = entries!(
    "smoke",
    "demo",
    "steady",
    "steady-collect",
    "steady-vote",
    "steady-pbft",
    "burst",
    "dependent",
    "chaos-worker",
    "chaos-follower",
    "chaos-leader",
    "chaos-leader-pause",
    "chaos-leader-collect",
    "chaos-corrupt",
    "chaos-leader-again",
    "chaos-control-plane",
    "report-dispatch",
    "pending",
    "scaling-step",
    "scaling-ramp",
    "scaling-flash-crowd",
    "scaling-mix-shift",
    "scaling-drift",
    "scaling-square",
    "scaling-hill",
    "scaling-mmpp",
    "scaling-live",
);

/// The experiment of that name.
pub fn catalog_entry(name: &str) -> Option<CatalogEntry> {
    CATALOG.iter().copied().find(|entry| entry.name == name)
}
