//! The two lines between a parent and a child: configuration in, address out.

use std::io::{BufRead, Write};
use std::net::SocketAddr;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tally_process::Error;

/// What a child says once it listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Its gRPC server.
    pub grpc: SocketAddr,
    /// The gateway, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<SocketAddr>,
}

/// Reads the configuration line.
pub(crate) fn read_config<T: DeserializeOwned>() -> Result<T, Error> {
    let mut line = String::new();
    let unusable = |reason: String| {
        Error::Config(format!(
            "no configuration on standard input ({reason}); `tally serve` is started by `tally up` and `tally run`"
        ))
    };
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| unusable(error.to_string()))?;
    serde_json::from_str(&line).map_err(|error| unusable(error.to_string()))
}

/// Says where this process listens.
pub(crate) fn announce(announcement: &Announcement) -> Result<(), Error> {
    let mut line = serde_json::to_string(announcement).map_err(|error| Error::Start(error.to_string()))?;
    line.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Error::system("cannot say where this process listens"))
}

/// Makes the kernel kill this process when the thread that started it ends.
///
/// The parent starts children from a thread that lives as long as it does, and says its number in the configuration. If it died before
/// this call, the process has been given to another parent and ends here; asking for the parent's number on the way in would
/// be too late, for it may have died by then.
pub(crate) fn die_with_parent(parent: u32) -> Result<(), Error> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).map_err(
        |error| Error::System {
            what: "cannot follow the parent".into(),
            source: error.into(),
        },
    )?;
    if rustix::process::getppid() == rustix::process::Pid::from_raw(parent as i32) {
        Ok(())
    } else {
        Err(Error::Start("the parent process is gone".into()))
    }
}
