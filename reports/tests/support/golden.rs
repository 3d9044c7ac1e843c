//! Stored forms of reports.

/// Compares with `golden/NAME`; `TALLY_GOLDEN=write` writes it anew, for a look at the difference before it is committed.
pub(crate) fn golden(name: &str, made: &str) -> std::io::Result<()> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name);
    if std::env::var_os("TALLY_GOLDEN").is_some_and(|wish| wish == "write") {
        std::fs::write(&path, made)?;
    }
    let expected = std::fs::read_to_string(&path)?;
    assert_eq!(
        made, expected,
        "{name} differs; TALLY_GOLDEN=write cargo test -p tally-reports, then read the difference"
    );
    Ok(())
}
