//! The agents that somebody asks for: read from flags, gathered for each trial.

use std::time::Duration;

use super::crew::{Brief, Crew};
use super::seats::{Beside, Seats};
use super::{AGENTS_MAX, Agents};
use crate::args::Run;
use crate::output::Progress;
use crate::run::{Target, World};

/// What a trial may take beyond its phases: its agents' start, and an end that waits for answers.
const BEYOND: Duration = Duration::from_mins(15);

impl Agents {
    /// Of the flags of `tally run`; none if the harness sends by itself.
    ///
    /// # Errors
    /// Every flag that makes no sense, with its remedy.
    pub(crate) fn of(args: &Run, target: Target) -> Result<Option<Self>, Vec<(String, &'static str)>> {
        if args.agents.is_none() && !args.in_cluster {
            return Ok(None);
        }
        let mut problems = Vec::new();
        let count = args.agents.unwrap_or(1);
        if !(1..=AGENTS_MAX).contains(&count) {
            problems.push((
                format!("--agents {count}: there can be 1 to {AGENTS_MAX}"),
                "a single agent sends tens of thousands of requests a second",
            ));
        }
        match target {
            Target::Local if args.in_cluster => problems.push((
                "--in-cluster needs a cluster, and the target is `local`".to_owned(),
                "add --target kind, or leave --in-cluster out: --agents N alone sends from N processes of this machine",
            )),
            Target::Sim => problems.push((
                "agents send to a platform that really runs, and the target is `sim`".to_owned(),
                "leave out --agents and --in-cluster, or choose --target local or kind",
            )),
            Target::Local | Target::Kind | Target::Kube => {}
        }
        if problems.is_empty() {
            let in_cluster = args.in_cluster;
            Ok(Some(Self { count, in_cluster }))
        } else {
            Err(problems)
        }
    }

    /// The flags that ask for them.
    pub(crate) fn flags(self) -> Vec<String> {
        let mut flags = vec!["--agents".to_owned(), self.count.to_string()];
        if self.in_cluster {
            flags.push("--in-cluster".to_owned());
        }
        flags
    }

    /// Ready to start.
    ///
    /// # Errors
    /// The first agent that is not, and why.
    pub(crate) fn gather(
        self,
        world: &dyn World,
        brief: &Brief<'_>,
        progress: &mut Progress,
    ) -> Result<Crew, String> {
        let (seats, place): (Box<dyn Seats>, _) = if self.in_cluster {
            progress.step(&format!("starting {} agent(s) in the cluster", self.count));
            let longest = brief.plan.phases.total().saturating_add(BEYOND);
            (world.seats(self.count, longest)?, "in the cluster")
        } else {
            let beside = Beside {
                gateway: world.http(),
                agents: self.count,
            };
            (Box::new(beside), "beside this process")
        };
        let crew = Crew::gather(seats, brief)?;
        progress.step(&format!("{} agent(s) ready, {place}", crew.len()));
        Ok(crew)
    }
}
