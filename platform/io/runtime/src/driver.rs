//! Drives one machine: takes events in bursts, obeys the commands, wakes it at its deadline.

use tally_model::Machine;
use tally_ports::Clock;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::SystemClock;

/// Events taken in one burst.
const BURST: usize = 256;
/// Events that may wait for a machine; senders wait when it is full.
const INBOX: usize = 8_192;

/// Where events for a machine are put.
pub type Inbox<E> = mpsc::Sender<E>;

/// A bounded inbox.
pub fn inbox<E>() -> (Inbox<E>, mpsc::Receiver<E>) {
    mpsc::channel(INBOX)
}

/// Runs `machine` until `shutdown`, or until all senders of its inbox are gone.
///
/// `obey` must not block; what takes time it hands to tasks that answer into the inbox. `start` holds the commands the
/// machine gave before its first event.
pub async fn drive<M: Machine>(
    mut machine: M,
    start: Vec<M::Command>,
    mut events: mpsc::Receiver<M::Event>,
    clock: SystemClock,
    mut obey: impl FnMut(M::Command),
    shutdown: CancellationToken,
) {
    start.into_iter().for_each(&mut obey);
    let mut burst = Vec::with_capacity(BURST);
    let mut commands = Vec::new();
    loop {
        let deadline = machine.deadline();
        let wake = async {
            match deadline {
                Some(deadline) => clock.sleep_until(deadline.at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            received = events.recv_many(&mut burst, BURST) => {
                if received == 0 {
                    return;
                }
                for event in burst.drain(..) {
                    machine.handle(clock.now(), event, &mut commands);
                }
            }
            () = wake => {}
        }
        // A busy inbox must not keep a machine from its deadline.
        let now = clock.now();
        if machine.deadline().is_some_and(|deadline| deadline.at <= now) {
            machine.wake(now, &mut commands);
        }
        commands.drain(..).for_each(&mut obey);
    }
}
