//! What whoever operates the machine can ask of a supervisor; blocking, for the harness's threads.

use std::net::SocketAddr;
use std::time::Duration;

use tally_grpc::pod_from_wire;
use tally_model::Pod;
use tally_wire::services::supervisor_client::SupervisorClient;
use tally_wire::services::{Empty, InjectRequest, ListRequest};
use tonic::transport::{Channel, Endpoint};

/// Longest any call may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why the supervisor did not do it.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// It cannot be reached.
    #[error("the supervisor at {address} cannot be reached: {reason}")]
    Unreachable {
        /// Where it was looked for.
        address: SocketAddr,
        /// Why not.
        reason: String,
    },
    /// It said no.
    #[error("the supervisor refused: {0}")]
    Refused(String),
}

/// A pod, and how its process ended if it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// The pod.
    pub pod: Pod,
    /// `signal 9`, `exit code 1`; empty while it runs.
    pub ended: String,
}

/// What runs on the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineStatus {
    /// Workers and replicas, those that ended and were not deleted included.
    pub pods: Vec<Occupant>,
    /// The control plane; its incarnation counts its starts.
    pub control_plane: Occupant,
    /// Faults that are on, as `kind pod`.
    pub faults: Vec<String>,
}

/// A connection to a supervisor.
#[derive(Debug)]
pub struct Operator {
    address: SocketAddr,
    runtime: tokio::runtime::Runtime,
    client: SupervisorClient<Channel>,
}

impl Operator {
    /// For the supervisor at `address`; connects with the first call.
    ///
    /// # Errors
    /// If no runtime can be had.
    pub fn new(address: SocketAddr) -> Result<Self, OperatorError> {
        let failed = |reason: String| OperatorError::Unreachable { address, reason };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| failed(error.to_string()))?
            .connect_timeout(Duration::from_secs(1))
            .timeout(TIMEOUT);
        let client = {
            let _inside = runtime.enter();
            SupervisorClient::new(endpoint.connect_lazy())
        };
        Ok(Self {
            address,
            runtime,
            client,
        })
    }

    fn refused(&self, status: &tonic::Status) -> OperatorError {
        match status.code() {
            tonic::Code::Unavailable | tonic::Code::DeadlineExceeded | tonic::Code::Unknown => {
                OperatorError::Unreachable {
                    address: self.address,
                    reason: status.message().to_owned(),
                }
            }
            _ => OperatorError::Refused(status.message().to_owned()),
        }
    }

    /// Kills or pauses the process of a pod (or `control-plane`) for a time; returns the process.
    ///
    /// # Errors
    /// If it does not run, or the supervisor is gone.
    pub fn inject(&mut self, kind: &str, pod: &str, duration: Duration) -> Result<u32, OperatorError> {
        let request = InjectRequest {
            kind: kind.to_owned(),
            pod: pod.to_owned(),
            for_millis: duration.as_millis() as u64,
        };
        let reply = self.runtime.block_on(self.client.inject(request));
        reply
            .map(|reply| reply.into_inner().process)
            .map_err(|status| self.refused(&status))
    }

    /// What runs.
    ///
    /// # Errors
    /// If the supervisor is gone or talks nonsense.
    pub fn status(&mut self) -> Result<MachineStatus, OperatorError> {
        let reply = self.runtime.block_on(self.client.status(ListRequest {}));
        let reply = reply.map_err(|status| self.refused(&status))?.into_inner();
        let occupant = |pod: tally_wire::services::Pod| {
            let ended = pod.ended.clone();
            pod_from_wire(pod)
                .map(|pod| Occupant { pod, ended })
                .map_err(OperatorError::Refused)
        };
        let control_plane = reply
            .control_plane
            .ok_or_else(|| OperatorError::Refused("no control plane was named".into()))?;
        Ok(MachineStatus {
            pods: reply.pods.into_iter().map(occupant).collect::<Result<_, _>>()?,
            control_plane: occupant(control_plane)?,
            faults: reply
                .faults
                .into_iter()
                .map(|fault| format!("{} {}", fault.kind, fault.pod))
                .collect(),
        })
    }

    /// Asks it to stop everything and end.
    ///
    /// # Errors
    /// If it is gone.
    pub fn shutdown(&mut self) -> Result<(), OperatorError> {
        let reply = self.runtime.block_on(self.client.shutdown(Empty {}));
        reply.map(|_| ()).map_err(|status| self.refused(&status))
    }
}
