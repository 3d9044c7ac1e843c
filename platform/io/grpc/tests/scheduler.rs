//! The report's trigger-parsing call, over a real connection, to whoever drives the scheduler.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::Ipv4Addr;

use tally_grpc::{SchedulerServer, TriggerParsing};
use tally_wire::services::scheduler_client::SchedulerClient;
use tally_wire::services::{TriggerParsingReply, TriggerParsingRequest};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

/// A served scheduler before which `room` calls may wait.
async fn served(room: usize) -> (SchedulerClient<Channel>, mpsc::Receiver<TriggerParsing>) {
    let (calls, waiting) = mpsc::channel(room);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tonic::transport::Server::builder().add_service(SchedulerServer::service(calls));
    tokio::spawn(server.serve_with_incoming(tally_grpc::incoming(listener)));
    let client = SchedulerClient::connect(format!("http://{address}"))
        .await
        .unwrap();
    (client, waiting)
}

async fn call(mut client: SchedulerClient<Channel>) -> Result<u64, Code> {
    let reply: Result<Response<TriggerParsingReply>, Status> =
        client.trigger_parsing(TriggerParsingRequest {}).await;
    reply
        .map(|reply| reply.into_inner().pending)
        .map_err(|status| status.code())
}

/// Each caller gets the number that was answered to its call.
#[tokio::test]
async fn a_call_is_answered_with_what_the_scheduler_holds() {
    let (client, mut waiting) = served(1).await;
    for pending in [0, 7, u64::MAX] {
        let answer = async { waiting.recv().await.unwrap().reply.send(pending).unwrap() };
        let (called, ()) = tokio::join!(call(client.clone()), answer);
        assert_eq!(called, Ok(pending));
    }
}

/// A call above those that may wait is refused at once, and one whose scheduler stops is told so: both may be tried again.
#[tokio::test]
async fn a_busy_or_stopping_scheduler_refuses() {
    let (client, mut waiting) = served(1).await;
    let first = tokio::spawn(call(client.clone()));
    while waiting.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(call(client.clone()).await, Err(Code::ResourceExhausted));
    drop(waiting.recv().await);
    assert_eq!(first.await.unwrap(), Err(Code::Unavailable));
    drop(waiting);
    assert_eq!(call(client).await, Err(Code::Unavailable));
}
