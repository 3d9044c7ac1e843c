//! A plan in the words of the simulated world.

use std::sync::Arc;
use std::time::Duration;

use tally_plan::{ClosedLoad, MAX_CLOSED, Plan};
use tally_simulated::{Shot, Shots, Timeline, Users};

/// What clients do, and which load each number beyond the plan's own belongs to.
pub(super) fn timeline(plan: &Arc<Plan>, tag: &str) -> Timeline {
    let open = Arc::clone(plan);
    let shots = (0..plan.shots.len() as u64).filter_map(move |n| {
        let shot = open.shots.get(n)?;
        Some(Shot {
            n,
            due: Duration::from_nanos(shot.due),
            expression: shot.expression.to_owned(),
            work_key: shot.work_key,
        })
    });
    let users = plan.closed.iter().enumerate().map(|(index, load)| Users {
        users: load.users,
        think: Duration::from_nanos(load.think),
        requests: closed(load, first_of(plan, index)),
    });
    Timeline {
        shots: Box::new(shots),
        users: users.collect(),
        closed_end: Duration::from_nanos(plan.measure_end()),
        drain: Duration::from_nanos(plan.measure_end()),
        tag: tag.to_owned(),
        patience: plan.phases.drain.max(Duration::from_secs(5)),
    }
}

/// The first number of a closed load.
const fn first_of(plan: &Plan, index: usize) -> u64 {
    plan.shots.len() as u64 + index as u64 * MAX_CLOSED
}

/// The load of a request.
pub(super) fn load_of(plan: &Plan, n: u64) -> u16 {
    match plan.shots.get(n) {
        Some(shot) => shot.load as u16,
        None => {
            let index = (n - plan.shots.len() as u64) / MAX_CLOSED;
            plan.closed.get(index as usize).map_or(0, |load| load.load as u16)
        }
    }
}

/// The users' requests in turns: the first of each, the second of each, and so on.
fn closed(load: &ClosedLoad, first: u64) -> Shots {
    let mut users: Vec<_> = (0..load.users).map(|user| load.requests(user)).collect();
    let count = MAX_CLOSED - MAX_CLOSED % u64::from(load.users.max(1));
    let requests = (0..count).filter_map(move |index| {
        let user = (index % users.len() as u64) as usize;
        let request = users[user].next()?;
        Some(Shot {
            n: first + index,
            due: Duration::ZERO,
            expression: request.expression,
            work_key: request.work_key,
        })
    });
    Box::new(requests)
}
