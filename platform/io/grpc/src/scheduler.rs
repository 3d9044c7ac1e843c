//! The report's parser and scheduler service: its trigger-parsing call (section 3.2).

use tally_wire::services::scheduler_server::{Scheduler as Calls, SchedulerServer as Wire};
use tally_wire::services::{TriggerParsingReply, TriggerParsingRequest};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tonic::{Request, Response, Status};

/// A call that waits for the number of requests the scheduler holds.
#[derive(Debug)]
pub struct TriggerParsing {
    /// Answer here.
    pub reply: oneshot::Sender<u64>,
}

/// Hands trigger-parsing calls to whoever drives the scheduler.
#[derive(Debug)]
pub struct SchedulerServer {
    calls: mpsc::Sender<TriggerParsing>,
}

impl SchedulerServer {
    /// A tonic service that puts calls into `calls`.
    pub fn service(calls: mpsc::Sender<TriggerParsing>) -> Wire<Self> {
        Wire::new(Self { calls })
    }
}

fn stopping() -> Status {
    Status::unavailable("the scheduler is stopping; try again later")
}

#[tonic::async_trait]
impl Calls for SchedulerServer {
    async fn trigger_parsing(
        &self,
        _: Request<TriggerParsingRequest>,
    ) -> Result<Response<TriggerParsingReply>, Status> {
        let (reply, answer) = oneshot::channel();
        self.calls
            .try_send(TriggerParsing { reply })
            .map_err(|error| match error {
                TrySendError::Full(_) => {
                    Status::resource_exhausted("too many calls wait for the scheduler; try again later")
                }
                TrySendError::Closed(_) => stopping(),
            })?;
        let pending = answer.await.map_err(|_| stopping())?;
        Ok(Response::new(TriggerParsingReply { pending }))
    }
}
