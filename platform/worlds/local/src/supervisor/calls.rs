//! The supervisor's own calls: inject a fault, tell the state, shut down.

use std::time::{Duration, Instant};

use tally_grpc::pod_to_wire;
use tally_model::PodPhase;
use tally_ports::Cluster;
use tally_wire::services::supervisor_server::Supervisor;
use tally_wire::services::{Empty, InjectReply, InjectRequest, ListRequest, SupervisorStatus};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::faults::{DURATION_MAX, Faults, Kind, is_corrupt};
use super::keeper::Keeper;
use super::processes::Processes;

/// How long a process may take to obey a signal.
const OBEY: Duration = Duration::from_secs(2);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// The service.
#[derive(Debug)]
pub(super) struct Calls {
    processes: Processes,
    keeper: Keeper,
    faults: Faults,
    corruptible: bool,
    shutdown: CancellationToken,
}

impl Calls {
    /// `corruptible`: whether processes know the signals that make them lie.
    pub(super) fn new(
        processes: Processes,
        keeper: Keeper,
        corruptible: bool,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            processes,
            keeper,
            faults: Faults::default(),
            corruptible,
            shutdown,
        }
    }

    /// Waits until the process says that it lies. There is no event for that; it takes as long as a signal takes.
    async fn until_corrupt(&self, process: u32) -> Result<(), Status> {
        let until = Instant::now() + OBEY;
        while !is_corrupt(process) {
            if Instant::now() >= until {
                return Err(Status::deadline_exceeded(format!(
                    "process {process} did not take up lying"
                )));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    async fn process_of(&self, pod: &str) -> Result<u32, Status> {
        let gone =
            || Status::failed_precondition(format!("`{pod}` does not run, so nothing can be done to it"));
        if pod == "control-plane" {
            return self.keeper.process().ok_or_else(gone);
        }
        let found = self
            .processes
            .get_pod(pod)
            .await
            .map_err(|error| Status::internal(error.to_string()))?;
        let found = found.ok_or_else(|| Status::not_found(format!("there is no pod `{pod}`")))?;
        found
            .process
            .filter(|_| found.phase != PodPhase::Gone)
            .ok_or_else(gone)
    }
}

#[tonic::async_trait]
impl Supervisor for Calls {
    async fn inject(&self, request: Request<InjectRequest>) -> Result<Response<InjectReply>, Status> {
        let request = request.into_inner();
        let kind = Kind::from_name(&request.kind).ok_or_else(|| {
            Status::invalid_argument(format!(
                "`{}` is not a fault; there are kill, pause and corrupt",
                request.kind
            ))
        })?;
        let duration = Duration::from_millis(request.for_millis);
        if duration.is_zero() || duration > DURATION_MAX {
            return Err(Status::invalid_argument(
                "a fault lasts more than 0 and at most 10 minutes",
            ));
        }
        let process = self.process_of(&request.pod).await?;
        if kind == Kind::Kill && request.pod == "control-plane" {
            self.keeper.hold(Instant::now() + duration);
        }
        if kind == Kind::Corrupt && (!self.corruptible || request.pod == "control-plane") {
            return Err(Status::failed_precondition(
                "it was not started as one that can be made to lie",
            ));
        }
        self.faults.inject(kind, &request.pod, process, duration);
        if kind == Kind::Corrupt {
            self.until_corrupt(process).await?;
        }
        Ok(Response::new(InjectReply { process }))
    }

    async fn status(&self, _: Request<ListRequest>) -> Result<Response<SupervisorStatus>, Status> {
        let pods = self
            .processes
            .all()
            .into_iter()
            .map(|(pod, ended)| pod_to_wire(&pod, ended))
            .collect();
        let (control_plane, ended) = self.keeper.pod();
        Ok(Response::new(SupervisorStatus {
            pods,
            control_plane: Some(pod_to_wire(&control_plane, ended)),
            faults: self.faults.list(),
        }))
    }

    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.shutdown.cancel();
        Ok(Response::new(Empty {}))
    }
}
