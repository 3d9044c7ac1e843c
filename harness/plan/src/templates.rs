//! Starting points for `tally init`.

/// Names and texts, the simplest first. Every one is a valid experiment.
pub const fn templates() -> &'static [(&'static str, &'static str)] {
    &[
        ("burst", include_str!("../templates/burst.toml")),
        ("dependent", include_str!("../templates/dependent.toml")),
        ("chaos", include_str!("../templates/chaos.toml")),
        ("ci", include_str!("../templates/ci.toml")),
    ]
}
