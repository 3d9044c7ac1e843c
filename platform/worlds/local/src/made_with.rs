//! What the files of a platform were made with, so that no platform of another kind takes them over.
//!
//! The sets in the store, their members and their keys are those of one protocol, one suite and one size. Another one would find
//! sets that are ready by their records and never compute anything.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tally_model::{PlatformConfig, Protocol, Suite};

use crate::platform::{Error, system};

/// Name of the file in a data directory.
const FILE: &str = "made-with.json";
/// What is in a data directory once a platform ran there.
const TRACES: [&str; 2] = ["cluster", "tally.redb"];

/// What a platform and its files must have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeWith {
    /// How its sets agree.
    pub protocol: Protocol,
    /// The suite of its keys.
    pub suite: Suite,
    /// Replicas per set; 0 with `protocol = none`.
    pub replicas: u8,
}

impl std::fmt::Display for MadeWith {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "protocol {}, suite {}", self.protocol, self.suite)?;
        if self.replicas > 0 {
            write!(f, ", {} replicas per set", self.replicas)?;
        }
        Ok(())
    }
}

impl MadeWith {
    /// Of this platform.
    pub const fn of(platform: &PlatformConfig) -> Self {
        Self {
            protocol: platform.protocol,
            suite: platform.suite,
            replicas: platform.replicas_per_set(),
        }
    }

    /// Takes the directory for this platform: notes in an empty one what it is used with, durably, before anything else is in it, and
    /// lets in what was noted there. Creates the directory.
    ///
    /// # Errors
    /// [`Error::MadeOtherwise`], and [`Error::System`] if the note cannot be read or written.
    pub(crate) fn claim(self, data: &Path) -> Result<(), Error> {
        let file = data.join(FILE);
        let made = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).ok(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if !TRACES.iter().any(|name| data.join(name).exists()) {
                    return self
                        .note(data)
                        .map_err(system(format!("cannot write {}", file.display())));
                }
                None
            }
            Err(error) => return Err(system(format!("cannot read {}", file.display()))(error)),
        };
        if made == Some(self) {
            return Ok(());
        }
        Err(Error::MadeOtherwise {
            data: data.to_owned(),
            made,
            wanted: self,
        })
    }

    fn note(self, data: &Path) -> std::io::Result<()> {
        fs::create_dir_all(data)?;
        let fresh = data.join(format!("{FILE}.new"));
        let mut file = File::create(&fresh)?;
        file.write_all(&serde_json::to_vec(&self)?)?;
        file.sync_all()?;
        fs::rename(fresh, data.join(FILE))?;
        // The name must survive a crash as well as the contents.
        File::open(data)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(protocol: Protocol, suite: Suite, replicas: u8) -> MadeWith {
        MadeWith::of(&PlatformConfig {
            protocol,
            suite,
            replicas,
            ..PlatformConfig::default()
        })
    }

    /// An empty directory takes any platform; from then on it takes the same protocol, suite and size and no other.
    #[test]
    fn a_directory_belongs_to_what_it_was_made_with() {
        let pbft = of(Protocol::Pbft, Suite::Modern, 4);
        let none = of(Protocol::None, Suite::Modern, 4);
        let others = [
            none,
            of(Protocol::Collect, Suite::Modern, 4),
            of(Protocol::Pbft, Suite::Report, 4),
            of(Protocol::Pbft, Suite::Modern, 7),
        ];
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        pbft.claim(&data).unwrap();
        pbft.claim(&data).unwrap();
        for other in others {
            let refused = other.claim(&data).unwrap_err();
            assert!(
                matches!(refused, Error::MadeOtherwise { made: Some(made), wanted, .. } if (made, wanted) == (pbft, other)),
                "{refused}"
            );
        }
        pbft.claim(&data).unwrap();
        // Without replicas their number says nothing.
        let elsewhere = folder.path().join("elsewhere");
        none.claim(&elsewhere).unwrap();
        of(Protocol::None, Suite::Modern, 7).claim(&elsewhere).unwrap();
    }

    /// Files of a platform beside which nothing, or nothing legible, says what they were made with are nobody's.
    #[test]
    fn files_of_unknown_make_are_refused() {
        let wanted = of(Protocol::Pbft, Suite::Modern, 4);
        for (name, text) in [("cluster", "0"), ("tally.redb", ""), (FILE, "{}"), (FILE, "")] {
            let data = tempfile::tempdir().unwrap();
            fs::write(data.path().join(name), text).unwrap();
            let refused = wanted.claim(data.path()).unwrap_err();
            assert!(
                matches!(refused, Error::MadeOtherwise { made: None, .. }),
                "{name}: {refused}"
            );
            assert!(refused.to_string().contains("does not say"), "{refused}");
        }
    }
}
