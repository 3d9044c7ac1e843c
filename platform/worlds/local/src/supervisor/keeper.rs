//! Keeps the control plane running: starts it, restarts it when it dies, holds it down while a fault says so.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tally_model::{NodeId, Pod, PodPhase};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::process::{Process, signal};
use crate::announce::Announcement;
use crate::config::ControlPlaneConfig;

/// A control plane that lived shorter than this is restarted with growing pauses.
const SHORT_LIFE: Duration = Duration::from_secs(2);
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What is known of the control plane now.
#[derive(Clone, Debug, Default)]
struct View {
    process: Option<u32>,
    announcement: Option<Announcement>,
    starts: u32,
    ended: String,
}

#[derive(Debug)]
struct Shared {
    view: watch::Sender<View>,
    hold_until: Mutex<Option<Instant>>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

/// Handle on the kept control plane.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    shared: Arc<Shared>,
}

impl Keeper {
    pub(super) fn start(config: ControlPlaneConfig, logs: &Path, shutdown: CancellationToken) -> Self {
        let shared = Shared {
            view: watch::Sender::new(View::default()),
            hold_until: Mutex::new(None),
            shutdown,
            tasks: TaskTracker::new(),
        };
        let keeper = Self {
            shared: Arc::new(shared),
        };
        let log = logs.join("control-plane.log");
        keeper.shared.tasks.spawn(keeper.clone().keep(config, log));
        keeper.shared.tasks.close();
        keeper
    }

    /// Waits for the first announcement.
    pub(super) async fn announced(&self) -> Announcement {
        let mut view = self.shared.view.subscribe();
        loop {
            let announcement = view.borrow_and_update().announcement.clone();
            if let Some(announcement) = announcement {
                return announcement;
            }
            if view.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Its process, if it runs.
    pub(super) fn process(&self) -> Option<u32> {
        self.shared.view.borrow().process
    }

    /// It as a pod, and how the last one ended. The incarnation counts its starts from 0.
    pub(super) fn pod(&self) -> (Pod, String) {
        let view = self.shared.view.borrow().clone();
        let phase = match (&view.process, &view.announcement) {
            (Some(_), Some(_)) => PodPhase::Running,
            (Some(_), None) => PodPhase::Starting,
            (None, _) => PodPhase::Gone,
        };
        let pod = Pod {
            name: "control-plane".into(),
            node: NodeId::Control,
            incarnation: view.starts.saturating_sub(1),
            phase,
            address: view
                .announcement
                .map(|announcement| announcement.grpc.to_string()),
            process: view.process,
        };
        (pod, view.ended)
    }

    /// Does not restart it before `until`.
    pub(super) fn hold(&self, until: Instant) {
        *self
            .shared
            .hold_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Kills it and waits until it is gone; shutdown must have been asked for.
    pub(super) async fn stop(&self) {
        if let Some(process) = self.process() {
            signal(process, Signal::CONT);
            signal(process, Signal::TERM);
        }
        self.shared.tasks.wait().await;
    }

    async fn keep(self, mut config: ControlPlaneConfig, log: PathBuf) {
        let mut pause = PAUSE_MIN;
        while !self.shared.shutdown.is_cancelled() {
            let started = Instant::now();
            if let Some(announcement) = self.run_once(&config, &log).await {
                // Clients come back to where they found it.
                config.grpc = announcement.grpc;
                config.http = announcement.http.unwrap_or(config.http);
            }
            pause = if started.elapsed() > SHORT_LIFE {
                PAUSE_MIN
            } else {
                (pause * 2).min(PAUSE_MAX)
            };
            let held = self
                .shared
                .hold_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            let until = held.unwrap_or(started).max(Instant::now() + pause.min(PAUSE_MAX));
            tokio::select! {
                () = tokio::time::sleep_until(until.into()) => {}
                () = self.shared.shutdown.cancelled() => return,
            }
        }
    }

    /// One life of the control plane.
    async fn run_once(&self, config: &ControlPlaneConfig, log: &Path) -> Option<Announcement> {
        let mut process = match Process::start("control-plane", config, log).await {
            Ok(process) => process,
            Err(error) => {
                tracing::error!(%error, "the control plane was not started");
                return None;
            }
        };
        let id = process.id;
        self.shared.view.send_modify(|view| {
            view.process = Some(id);
            view.starts += 1;
        });
        let announcement = process.announced().await;
        self.shared
            .view
            .send_modify(|view| view.announcement.clone_from(&announcement));
        let ended = self.end_of(&mut process).await;
        self.shared.view.send_modify(|view| {
            view.process = None;
            view.announcement = None;
            view.ended = ended;
        });
        announcement
    }

    /// Waits for its end; after a shutdown it is given two seconds.
    async fn end_of(&self, process: &mut Process) -> String {
        let id = process.id;
        tokio::select! {
            ended = process.ended() => return ended,
            () = self.shared.shutdown.cancelled() => {}
        }
        if let Ok(ended) = tokio::time::timeout(Duration::from_secs(2), process.ended()).await {
            return ended;
        }
        signal(id, Signal::KILL);
        process.ended().await
    }
}
