//! Where agents sit.

use std::net::SocketAddr;
use std::process::Command;

/// Places for agents, made for one trial.
pub(crate) trait Seats: Send + Sync {
    /// The gateway as it is reached from there.
    fn gateway(&self) -> SocketAddr;
    /// A name for people and the program whose pipes are those of the agent, for each.
    fn commands(&self) -> Result<Vec<(String, Command)>, String>;
    /// Removes what was made for them.
    fn leave(self: Box<Self>) -> Result<(), String>;
}

/// Children of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beside {
    pub(crate) gateway: SocketAddr,
    pub(crate) agents: u32,
}

impl Seats for Beside {
    fn gateway(&self) -> SocketAddr {
        self.gateway
    }

    fn commands(&self) -> Result<Vec<(String, Command)>, String> {
        let program =
            std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let seat = |_| {
            let mut command = Command::new(&program);
            command.args(["serve", "agent"]);
            ("a child process".to_owned(), command)
        };
        Ok((0..self.agents).map(seat).collect())
    }

    fn leave(self: Box<Self>) -> Result<(), String> {
        Ok(())
    }
}
