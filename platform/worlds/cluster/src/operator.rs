//! What whoever operates the cluster can see and do; blocking, for the harness's threads.
//!
//! A thread of its own watches the platform's pods and follows their logs from the moment it connects, so that what is asked
//! for is answered from events, and what a pod said survives the pod.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tally_kubernetes::{
    Access, AutoscalerFact, Autoscalers, Change, Machine, Operate, PART_OF, PLATFORM, PodFact, connect,
};
use tally_model::Observation;
use tally_process::Error;
use tokio::runtime::Runtime;

use crate::agents::LOAD;
use crate::live::{Heard, LiveFact, watch_autoscalers, watch_deployments};
use crate::platform::WORKERS;

/// Observations kept; a trial has far fewer.
const OBSERVATIONS_MAX: usize = 4_000_000;
/// Pause before a log that could not be read is tried again.
const LOG_PAUSE: Duration = Duration::from_millis(200);
/// Tries to read a log; a container that starts has none yet.
const LOG_TRIES: u32 = 10;

/// Names a pod that is there now.
type Key = (String, String);
/// One life of a container: its pod's uid and its number of restarts.
type Life = (String, u32);

#[derive(Debug, Default)]
pub(crate) struct View {
    pods: BTreeMap<Key, PodFact>,
    listed: bool,
    followed: BTreeSet<Life>,
    pub(crate) observations: Vec<Observation>,
    pub(crate) autoscalers: BTreeMap<String, AutoscalerFact>,
    pub(crate) heard: Heard,
}

/// What the watching tasks share with whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    view: Mutex<View>,
    pub(crate) changed: Condvar,
}

impl Shared {
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut View) -> T) -> T {
        act(&mut self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for changes until `seen` finds something, at most for `limit`.
    fn wait<T>(&self, limit: Duration, mut seen: impl FnMut(&View) -> Option<T>) -> Option<T> {
        let until = Instant::now() + limit;
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = seen(&view) {
                return Some(found);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(view, left);
            view = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn take(&self, changes: Vec<Change<PodFact>>) {
        self.with(|view| {
            view.listed = true;
            for change in changes {
                match change {
                    Change::Applied(pod) => {
                        let key = (pod.namespace.clone(), pod.name.clone());
                        view.pods.insert(key, pod);
                    }
                    Change::Deleted(pod) => {
                        view.pods.remove(&(pod.namespace, pod.name));
                    }
                }
            }
        });
        self.changed.notify_all();
    }

    /// The containers whose logs nobody follows yet.
    fn unfollowed(&self) -> Vec<PodFact> {
        self.with(|view| {
            let fresh = view.pods.values().filter(|pod| pod.running);
            let fresh: Vec<PodFact> = fresh
                // What a load agent says is for the harness, which hears it already.
                .filter(|pod| pod.namespace != LOAD)
                .filter(|pod| !view.followed.contains(&(pod.uid.clone(), pod.restarts)))
                .cloned()
                .collect();
            view.followed
                .extend(fresh.iter().map(|pod| (pod.uid.clone(), pod.restarts)));
            fresh
        })
    }

    fn line(&self, text: &str) {
        if let Ok(observation) = serde_json::from_str(text) {
            self.with(|view| {
                if view.observations.len() < OBSERVATIONS_MAX {
                    view.observations.push(observation);
                }
            });
        }
    }
}

/// A connection to a cluster.
#[derive(Debug)]
pub struct Operator {
    context: String,
    runtime: Runtime,
    operate: Operate,
    autoscalers: Autoscalers,
    shared: Arc<Shared>,
}

impl Operator {
    /// With the credentials of a kubeconfig's context; returns when the platform's pods are known.
    ///
    /// # Errors
    /// If there is no such context, or its API server does not answer.
    pub fn connect(context: &str) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(Error::system("cannot start a runtime"))?;
        let access = Access::Context(context.to_owned());
        let client = runtime.block_on(connect(&access)).map_err(failed)?;
        let autoscalers = Autoscalers::discover(client.clone(), WORKERS);
        let autoscalers = runtime.block_on(autoscalers).map_err(failed)?;
        let operator = Self {
            context: context.to_owned(),
            runtime,
            autoscalers,
            operate: Operate::new(client),
            shared: Arc::default(),
        };
        let (operate, shared) = (operator.operate.clone(), Arc::clone(&operator.shared));
        operator.runtime.spawn(watch(operate, shared));
        let (autoscalers, shared) = (operator.autoscalers.clone(), Arc::clone(&operator.shared));
        operator.runtime.spawn(watch_autoscalers(autoscalers, shared));
        let (operate, shared) = (operator.operate.clone(), Arc::clone(&operator.shared));
        operator.runtime.spawn(watch_deployments(operate, shared));
        operator.wait_for(Duration::from_secs(10), "the list of pods", |_, listed| {
            listed.then_some(())
        })?;
        Ok(operator)
    }

    /// The kubeconfig's context that it uses.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// Every pod of the platform, as of the newest event.
    pub fn pods(&self) -> Vec<PodFact> {
        self.shared.with(|view| view.pods.values().cloned().collect())
    }

    /// Waits for events until `seen` finds what it looks for among the pods.
    ///
    /// # Errors
    /// If that takes longer than `limit`; names `what` was waited for.
    pub fn wait<T>(
        &self,
        limit: Duration,
        what: &str,
        mut seen: impl FnMut(&[PodFact]) -> Option<T>,
    ) -> Result<T, Error> {
        self.wait_for(limit, what, |pods, _| seen(pods))
    }

    fn wait_for<T>(
        &self,
        limit: Duration,
        what: &str,
        mut seen: impl FnMut(&[PodFact], bool) -> Option<T>,
    ) -> Result<T, Error> {
        let found = self.shared.wait(limit, |view| {
            let pods: Vec<PodFact> = view.pods.values().cloned().collect();
            seen(&pods, view.listed)
        });
        found.ok_or_else(|| Error::Start(format!("{what} was not seen within {limit:?}")))
    }

    /// Waits for events until `seen` is content with the live autoscalers.
    ///
    /// # Errors
    /// The autoscalers as they are, if that takes longer than `limit`.
    pub(crate) fn wait_autoscalers(
        &self,
        limit: Duration,
        seen: impl Fn(&[AutoscalerFact]) -> bool,
    ) -> Result<(), Vec<AutoscalerFact>> {
        let all = |view: &View| -> Vec<AutoscalerFact> { view.autoscalers.values().cloned().collect() };
        let content = self.shared.wait(limit, |view| seen(&all(view)).then_some(()));
        content.ok_or_else(|| self.shared.with(|view| all(view)))
    }

    /// What the platform's processes observed since [`Operator::connect`], in no order.
    pub fn observations(&self) -> Vec<Observation> {
        self.shared.with(|view| view.observations.clone())
    }

    /// What was heard of the live autoscalers that there are, and of what they scale, in the order of time by the wall clock.
    pub fn live(&self) -> Vec<(tally_model::Instant, LiveFact)> {
        self.shared.with(|view| view.heard.all())
    }

    /// The version of the API server: `v1.20.2`.
    ///
    /// # Errors
    /// The API server's.
    pub fn version(&self) -> Result<String, Error> {
        self.runtime.block_on(self.operate.version()).map_err(failed)
    }

    /// The machines of the cluster.
    ///
    /// # Errors
    /// The API server's.
    pub fn machines(&self) -> Result<Vec<Machine>, Error> {
        self.runtime.block_on(self.operate.machines()).map_err(failed)
    }

    /// Deletes a pod; see [`Operate::delete_pod`].
    ///
    /// # Errors
    /// The API server's.
    pub fn delete(&self, pod: &PodFact, grace: Option<u32>) -> Result<(), Error> {
        let work = self.operate.delete_pod(&pod.namespace, &pod.name, grace);
        self.runtime.block_on(work).map_err(failed)
    }

    /// Runs a few calls about autoscalers.
    pub(crate) fn autoscalers<T>(
        &self,
        work: impl AsyncFnOnce(&Autoscalers) -> Result<T, tally_kubernetes::Error>,
    ) -> Result<T, Error> {
        self.runtime.block_on(work(&self.autoscalers)).map_err(failed)
    }

    /// Runs a few calls.
    pub(crate) fn call<T>(
        &self,
        work: impl AsyncFnOnce(&Operate) -> Result<T, tally_kubernetes::Error>,
    ) -> Result<T, Error> {
        self.runtime.block_on(work(&self.operate)).map_err(failed)
    }
}

fn failed(error: tally_kubernetes::Error) -> Error {
    Error::Start(error.to_string())
}

/// The label selector of everything that is ours.
pub(crate) fn ours() -> String {
    format!("{PART_OF}={PLATFORM}")
}

async fn watch(operate: Operate, shared: Arc<Shared>) {
    let mut pods = operate.watch_pods(&ours());
    while let Some(changes) = pods.next().await {
        shared.take(changes);
        for pod in shared.unfollowed() {
            tokio::spawn(follow(operate.clone(), Arc::clone(&shared), pod));
        }
    }
}

/// Reads a container's log to its end. Only the beginning is tried again: a log that broke in the middle would be told twice.
async fn follow(operate: Operate, shared: Arc<Shared>, pod: PodFact) {
    for _ in 0..LOG_TRIES {
        let mut lines = 0_u64;
        let read = operate.follow_log(&pod.namespace, &pod.name, |line| {
            lines += 1;
            shared.line(line);
        });
        match read.await {
            Err(error) if lines == 0 => tracing::debug!(pod = pod.name, %error, "a log is not there yet"),
            Err(error) => {
                tracing::warn!(pod = pod.name, %error, "the log of a pod broke off");
                return;
            }
            Ok(()) => return,
        }
        tokio::time::sleep(LOG_PAUSE).await;
    }
    tracing::warn!(pod = pod.name, "the log of a pod was never read");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, restarts: u32) -> PodFact {
        PodFact {
            name: name.into(),
            uid: name.into(),
            running: true,
            restarts,
            ..PodFact::default()
        }
    }

    /// Every life of a container is followed once, also after a restart; one that does not run is not.
    #[test]
    fn each_life_of_a_container_is_followed_once() {
        let shared = Shared::default();
        let names = |pods: Vec<PodFact>| {
            pods.into_iter()
                .map(|pod| (pod.name, pod.restarts))
                .collect::<Vec<_>>()
        };
        let idle = PodFact {
            running: false,
            ..pod("b", 0)
        };
        shared.take(vec![Change::Applied(pod("a", 0)), Change::Applied(idle)]);
        assert_eq!(names(shared.unfollowed()), [("a".to_owned(), 0)]);
        assert!(shared.unfollowed().is_empty());
        shared.take(vec![Change::Applied(pod("a", 1)), Change::Applied(pod("b", 0))]);
        assert_eq!(
            names(shared.unfollowed()),
            [("a".to_owned(), 1), ("b".to_owned(), 0)]
        );
        shared.take(vec![Change::Deleted(pod("a", 1))]);
        assert!(shared.unfollowed().is_empty());
    }

    /// A line that is no observation is not taken for one.
    #[test]
    fn only_observations_are_kept_of_a_log() {
        let shared = Shared::default();
        shared.line("thread panicked");
        shared.line(r#"{"at":5,"step":"role_started"}"#);
        assert_eq!(shared.with(|view| view.observations.len()), 1);
    }
}
