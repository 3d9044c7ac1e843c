//! Turns a plan into what the generator sends, and runs it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use tally_load::{
    Control, LoadError, Loop, Options, Report, RetryPolicy, Sent, Shot, Source, Submission, serialise,
};
use tally_plan::{ClosedLoad, MAX_CLOSED, Plan, PlannedRequest, Share};

use super::recorder::{Lookup, Wanted};

/// Resolved requests that may wait to be recorded; what does not fit comes a little later.
const LIVE: usize = 16_384;
/// Answers, of any load, that the generator of a closed load may not have looked at yet: seconds of the fastest stream.
const NOTICED: usize = 65_536;

/// One run of the generator.
pub(super) struct Lane {
    requests: Requests,
    mode: Loop,
    pub(super) control: Arc<Control>,
}

impl Lane {
    /// Whether its requests have fixed due times.
    pub(super) fn is_open(&self) -> bool {
        self.mode == Loop::Open
    }

    #[cfg(test)]
    pub(super) fn requests(&self) -> Vec<(u64, u64, String)> {
        let request = |index| {
            let (shot, mut bytes) = (self.requests.shot(index), Vec::new());
            self.requests.write(index, &mut bytes);
            (shot.n, shot.due_ns, String::from_utf8_lossy(&bytes).into_owned())
        };
        (0..self.requests.len()).map(request).collect()
    }
}

/// Everything a trial sends.
pub(super) struct Lanes {
    pub(super) lanes: Vec<Lane>,
    /// Numbers from here on belong to closed loads.
    pub(super) closed_from: u64,
}

/// What is the same for every request of a trial.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) target: SocketAddr,
    /// Names the run on the platform.
    pub(crate) tag: String,
    pub(crate) trial: u32,
    /// How many agents share the requests; 0 if this process sends them itself.
    pub(crate) agents: u32,
}

impl Address {
    /// The idempotency key of a request, whoever sends it; no other request has it.
    pub(super) fn key(&self, n: u64) -> String {
        format!("{}-{}-{n}", self.tag, self.trial)
    }

    /// What answers to requests of one agent are asked for by: each hears its own only, and none of another trial on the same platform.
    pub(super) fn stream(&self, agent: u32) -> String {
        if self.agents == 0 {
            return format!("{}-{}", self.tag, self.trial);
        }
        format!("{}-{}-agent-{agent}", self.tag, self.trial)
    }

    /// A request as it is sent, the first time and again: equal in every byte that the platform compares.
    pub(super) fn submission<'a>(
        &'a self,
        expression: &'a str,
        key: &'a str,
        work_key: u64,
        stream: &'a str,
    ) -> Submission<'a> {
        Submission {
            target: self.target,
            expression,
            idempotency_key: key,
            tag: Some(stream),
            work_key: Some(work_key),
        }
    }
}

/// The requests of one lane; each is serialised when the generator asks for it.
#[derive(Clone, Debug)]
struct Requests {
    address: Address,
    /// The part of them that is sent from here.
    share: Share,
    from: Origin,
}

#[derive(Clone, Debug)]
enum Origin {
    /// The shots of a plan.
    Plan(Arc<Plan>),
    /// The users' requests in turns, numbered from `first`; users are shared, with all their requests.
    Closed {
        first: u64,
        users: u32,
        load: u16,
        think: u64,
        requests: Arc<Vec<PlannedRequest>>,
    },
}

impl Source for Requests {
    fn len(&self) -> usize {
        match &self.from {
            Origin::Plan(plan) => self.share.len(plan.shots.len() as u64) as usize,
            Origin::Closed { requests, users, .. } => {
                let rounds = requests.len() / (*users).max(1) as usize;
                rounds * self.users(*users)
            }
        }
    }

    fn shot(&self, index: usize) -> Shot {
        match &self.from {
            Origin::Plan(plan) => {
                let n = self.share.nth(index as u64);
                Shot {
                    n,
                    due_ns: plan.shots.get(n).map_or(0, |shot| shot.due),
                }
            }
            Origin::Closed {
                first, users, think, ..
            } => {
                let mine = self.users(*users).max(1);
                let (round, user) = (index / mine, self.share.nth((index % mine) as u64));
                Shot {
                    n: first + round as u64 * u64::from(*users) + user,
                    due_ns: *think,
                }
            }
        }
    }

    fn write(&self, index: usize, bytes: &mut Vec<u8>) {
        let n = self.shot(index).n;
        let known = match &self.from {
            Origin::Plan(plan) => plan.shots.get(n).map(|shot| (shot.expression, shot.work_key)),
            Origin::Closed { first, requests, .. } => requests
                .get((n - first) as usize)
                .map(|request| (request.expression.as_str(), request.work_key)),
        };
        let Some((expression, work_key)) = known else {
            return;
        };
        let (key, stream) = (self.address.key(n), self.address.stream(self.share.index()));
        serialise(
            &self.address.submission(expression, &key, work_key, &stream),
            bytes,
        );
    }
}

impl Requests {
    /// How many of `users` are this share's.
    fn users(&self, users: u32) -> usize {
        self.share.len(u64::from(users)) as usize
    }

    fn wanted(&self, n: u64) -> Option<Wanted> {
        let agents = self.address.agents.max(1);
        match &self.from {
            Origin::Plan(plan) => plan.shots.get(n).map(|shot| Wanted {
                load: shot.load as u16,
                expression: shot.expression.to_owned(),
                work_key: shot.work_key,
                agent: Share::holder(n, agents),
            }),
            Origin::Closed {
                first,
                users,
                load,
                requests,
                ..
            } => {
                let place = n.checked_sub(*first)?;
                let request = requests.get(usize::try_from(place).ok()?)?;
                Some(Wanted {
                    load: *load,
                    expression: request.expression.clone(),
                    work_key: request.work_key,
                    agent: Share::holder(place % u64::from((*users).max(1)), agents),
                })
            }
        }
    }
}

impl Lanes {
    /// A lane for the open loads together, and one for each closed load, of the part that is sent from here.
    pub(super) fn new(plan: &Arc<Plan>, address: &Address, share: Share) -> std::io::Result<Self> {
        let closed_from = plan.shots.len() as u64;
        let mut lanes = Vec::new();
        let mut add = |from, mode, waiting| -> std::io::Result<()> {
            let requests = Requests {
                address: address.clone(),
                share,
                from,
            };
            if !requests.is_empty() {
                lanes.push(Lane {
                    requests,
                    mode,
                    control: Arc::new(Control::new(waiting)?),
                });
            }
            Ok(())
        };
        add(Origin::Plan(Arc::clone(plan)), Loop::Open, 1)?;
        let mut next = closed_from;
        for load in &plan.closed {
            let requests = closed(load);
            let first = next;
            next += requests.len() as u64;
            let from = Origin::Closed {
                first,
                users: load.users,
                load: load.load as u16,
                think: load.think,
                requests: Arc::new(requests),
            };
            let users = share.len(u64::from(load.users)) as u32;
            let mode = Loop::Closed {
                users,
                wait_for_answer: true,
            };
            add(from, mode, NOTICED)?;
        }
        Ok(Self { lanes, closed_from })
    }

    /// Tells what a number stands for.
    pub(super) fn lookup(&self) -> Lookup {
        let all: Vec<Requests> = self.lanes.iter().map(|lane| lane.requests.clone()).collect();
        Box::new(move |n| all.iter().find_map(|requests| requests.wanted(n)))
    }
}

/// The users' requests in turns: the first of each, the second of each, and so on.
fn closed(load: &ClosedLoad) -> Vec<PlannedRequest> {
    let mut users: Vec<_> = (0..load.users).map(|user| load.requests(user)).collect();
    let rounds = MAX_CLOSED / u64::from(load.users.max(1));
    let mut requests = Vec::new();
    for _ in 0..rounds {
        requests.extend(users.iter_mut().filter_map(Iterator::next));
    }
    requests
}

/// Runs one lane to its end; `told` hears of every resolved request, once, as it happens.
pub(super) fn run(
    lane: &Lane,
    address: &Address,
    start: Instant,
    seed: u64,
    deadline: Duration,
    told: &(dyn Fn(&Sent) + Sync),
) -> Result<Report, LoadError> {
    let (live, heard) = sync_channel(LIVE);
    let options = Options {
        start,
        deadline,
        seed,
        mode: lane.mode,
        connections_min: 32,
        connections_max: 1_024,
        retry: RetryPolicy {
            busy: false,
            ..RetryPolicy::default()
        },
        live: Some(live),
        keep: false,
        ..Options::to(address.target)
    };
    std::thread::scope(|scope| {
        let listener = scope.spawn(move || {
            while let Ok(sent) = heard.recv() {
                told(&sent);
            }
        });
        let report = tally_load::run(&options, &lane.requests, &lane.control);
        // Closes the channel, so the listener ends when it has told everything.
        drop(options);
        let _ = listener.join();
        report
    })
}
