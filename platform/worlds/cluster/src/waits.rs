//! What the platform's waits are where its members are pods.
//!
//! The defaults are for processes of one machine that has a moment to spare. Pods share processors with whatever starts beside them: on
//! two cores that start twenty pods a healthy replica may be silent for seconds. Who has it replaced for that starts a pod
//! more, and everybody is slower still: in one run 27 healthy members were replaced, and 132 views entered, within 30 s. A
//! member that is gone is noticed as before, because its connections break and its address refuses.

use std::time::Duration;

use tally_model::Timing;

/// A pod takes seconds to start where a process takes milliseconds, and one that was given up too early is made again.
const START: Duration = Duration::from_mins(1);
const PROBE_INTERVAL: Duration = Duration::from_millis(500);
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// A backup leaves the view after an eighth of it.
const QUORUM: Duration = Duration::from_secs(10);
const TASK: Duration = Duration::from_secs(10);

/// `timing` for pods: what an experiment left at its default gets the default of a cluster, and no start is given up within a
/// minute. Also what was changed, as keys of an experiment.
pub fn waits_of_pods(timing: Timing) -> (Timing, Vec<(&'static str, Duration)>) {
    let (plain, mut waits, mut changed) = (Timing::default(), timing, Vec::new());
    let mut set = |name, value: &mut Duration, default, wanted| {
        if *value == default && *value != wanted {
            *value = wanted;
            changed.push((name, wanted));
        }
    };
    set(
        "probe-interval",
        &mut waits.probe_interval,
        plain.probe_interval,
        PROBE_INTERVAL,
    );
    set(
        "probe-timeout",
        &mut waits.probe_timeout,
        plain.probe_timeout,
        PROBE_TIMEOUT,
    );
    set(
        "quorum-timeout",
        &mut waits.quorum_timeout,
        plain.quorum_timeout,
        QUORUM,
    );
    set("task-timeout", &mut waits.task_timeout, plain.task_timeout, TASK);
    let start = waits.start_timeout;
    set("start-timeout", &mut waits.start_timeout, start, start.max(START));
    (waits, changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the experiment says is kept, but for a start that pods cannot make.
    #[test]
    fn an_experiment_s_own_waits_are_kept() {
        let second = Duration::from_secs(1);
        let own = Timing {
            quorum_timeout: second,
            start_timeout: second,
            ..Timing::default()
        };
        let (waits, changed) = waits_of_pods(own);
        assert_eq!((waits.quorum_timeout, waits.start_timeout), (second, START));
        assert!(changed.contains(&("start-timeout", START)));
        assert!(changed.iter().all(|(name, _)| *name != "quorum-timeout"));
        let patient = Timing {
            start_timeout: START * 2,
            ..Timing::default()
        };
        assert_eq!(waits_of_pods(patient).0.start_timeout, START * 2);
    }

    /// What is changed is said, and all of it is longer than for processes.
    #[test]
    fn every_default_is_longer_for_pods() {
        let (plain, (waits, changed)) = (Timing::default(), waits_of_pods(Timing::default()));
        assert_eq!(changed.len(), 5);
        assert!(
            changed
                .iter()
                .any(|(name, wait)| *name == "task-timeout" && *wait == waits.task_timeout)
        );
        assert!(waits.probe_interval > plain.probe_interval && waits.probe_timeout > plain.probe_timeout);
        assert!(waits.quorum_timeout > plain.quorum_timeout && waits.task_timeout > plain.task_timeout);
        assert_eq!(waits.visibility, plain.visibility);
    }
}
