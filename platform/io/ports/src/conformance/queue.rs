//! The promises of [`Queue`]: at least once, any order, approximate depth.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::future::join;
use tally_model::{Delivery, Operation, QueueName, Receipt};

use super::{Settings, Stale, must};
use crate::Queue;

/// The longest wait of one receive; the limit of SQS is 20 seconds.
const LONG_POLL: Duration = Duration::from_secs(20);

/// One queue under test. Messages that this test did not send are deleted when they are met.
struct Line<'a, Q> {
    port: &'a Q,
    queue: QueueName,
    settings: &'a Settings,
    prefix: String,
}

impl<'a, Q: Queue> Line<'a, Q> {
    fn new(port: &'a Q, queue: QueueName, settings: &'a Settings, promise: &str) -> Self {
        Self {
            port,
            queue,
            settings,
            prefix: format!("{}/{promise}/", settings.run),
        }
    }

    fn at(&self, queue: QueueName) -> Self {
        Self {
            port: self.port,
            queue,
            settings: self.settings,
            prefix: self.prefix.clone(),
        }
    }

    fn body(&self, name: impl std::fmt::Display) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn send(&self, bodies: &[String]) {
        must(self.port.send(self.queue, bodies.to_vec()).await, "send");
    }

    /// One receive, without what other tests left behind.
    async fn receive(&self, limit: usize, wait: Duration) -> Vec<Delivery> {
        let received = must(self.port.receive(self.queue, limit, wait).await, "receive");
        assert!(
            received.len() <= limit,
            "{} messages of at most {limit}",
            received.len()
        );
        let (own, foreign): (Vec<_>, Vec<_>) = received
            .into_iter()
            .partition(|delivery| delivery.body.starts_with(&self.prefix));
        assert!(
            own.iter().all(|delivery| delivery.received >= 1),
            "`received` counts this receive"
        );
        self.delete(foreign.iter()).await;
        own
    }

    /// Receives until a message of this test arrives.
    async fn take(&self) -> Delivery {
        let end = Instant::now() + self.settings.patience;
        while Instant::now() < end {
            if let Some(delivery) = self.receive(1, LONG_POLL.min(self.settings.patience)).await.pop() {
                return delivery;
            }
        }
        panic!("no message on {} after {:?}", self.queue, self.settings.patience);
    }

    /// Receives and deletes until each of these bodies was seen.
    async fn drain(&self, bodies: &[String]) {
        let mut missing: BTreeSet<&String> = bodies.iter().collect();
        while !missing.is_empty() {
            let delivery = self.take().await;
            assert!(
                bodies.contains(&delivery.body),
                "nobody sent {:.80}",
                delivery.body
            );
            missing.remove(&delivery.body);
            self.delete([&delivery]).await;
        }
    }

    async fn delete(&self, deliveries: impl IntoIterator<Item = &Delivery>) -> usize {
        let receipts: Vec<Receipt> = deliveries.into_iter().map(|one| one.receipt.clone()).collect();
        if receipts.is_empty() {
            return 0;
        }
        must(self.port.delete(self.queue, receipts).await, "delete")
    }

    async fn extend(&self, delivery: &Delivery, lease: Duration) -> usize {
        must(
            self.port
                .extend(self.queue, vec![delivery.receipt.clone()], lease)
                .await,
            "extend",
        )
    }

    /// Waits two leases for a message that must not come.
    async fn stays_empty(&self, why: &str) {
        let end = Instant::now() + self.settings.visibility * 2;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let received = self.receive(1, left.min(LONG_POLL)).await;
            assert!(
                received.is_empty(),
                "{} gave {:.80}: {why}",
                self.queue,
                received[0].body
            );
            if left.is_zero() {
                return;
            }
        }
    }
}

/// What is sent is received, and deleted it does not come back.
pub async fn what_is_sent_is_received_until_it_is_deleted<Q: Queue>(port: &Q, settings: &Settings) {
    let line = Line::new(port, QueueName::Inbound, settings, "deleted");
    let body = line.body("one");
    line.send(std::slice::from_ref(&body)).await;
    let delivery = line.take().await;
    assert_eq!(delivery.body, body);
    line.delete([&delivery]).await;
    line.stays_empty("it was deleted").await;
    line.delete([&delivery]).await;
}

/// A batch larger than any service takes at once arrives whole, and an empty one is nothing.
pub async fn a_batch_arrives_whole<Q: Queue>(port: &Q, settings: &Settings) {
    let line = Line::new(port, QueueName::Outbound, settings, "batch");
    line.send(&[]).await;
    let bodies: Vec<String> = (0..25).map(|index| line.body(index)).collect();
    line.send(&bodies).await;
    line.drain(&bodies).await;
}

/// Bodies arrive byte for byte: every plane of Unicode, quotes and markup, 64 KiB.
pub async fn bodies_arrive_unchanged<Q: Queue>(port: &Q, settings: &Settings) {
    let line = Line::new(port, QueueName::Inbound, settings, "bodies");
    let bodies = [
        line.body("\u{e9}\u{4e16}\u{1f9ee} \u{202e}\u{301}"),
        line.body("{\"a\": \"<b>&amp;'\\u0000\"}\t\r\n  "),
        line.body("x".repeat(64 * 1024)),
    ];
    line.send(&bodies).await;
    line.drain(&bodies).await;
}

/// What is sent to one queue is not received from another.
pub async fn queues_are_separate<Q: Queue>(port: &Q, settings: &Settings) {
    let add = Line::new(port, QueueName::Layer(Operation::Add), settings, "separate");
    let sub = add.at(QueueName::Layer(Operation::Sub));
    let (left, right) = ([add.body("add")], [add.body("sub")]);
    join(add.send(&left), sub.send(&right)).await;
    join(add.drain(&left), sub.drain(&right)).await;
}

/// A message whose lease ends is received again, and says so.
pub async fn an_ended_lease_redelivers<Q: Queue>(port: &Q, settings: &Settings) {
    let line = Line::new(port, QueueName::Layer(Operation::Mul), settings, "redelivers");
    line.send(&[line.body("one")]).await;
    let first = line.take().await;
    let second = line.take().await;
    assert_eq!(first.body, second.body);
    assert!(
        second.received > first.received,
        "{} then {}",
        first.received,
        second.received
    );
    assert_ne!(
        first.receipt, second.receipt,
        "each receive has a receipt of its own"
    );
    line.delete([&second]).await;
}

/// Once a message was received again, the earlier receipt deletes nothing.
pub async fn a_stale_receipt_deletes_nothing<Q: Queue>(port: &Q, settings: &Settings) {
    if settings.stale == Stale::Obeyed {
        return;
    }
    let line = Line::new(port, QueueName::Layer(Operation::Div), settings, "stale");
    line.send(&[line.body("one")]).await;
    let first = line.take().await;
    let second = line.take().await;
    let stale = line.delete([&first]).await;
    assert!(
        stale == 1 || settings.stale == Stale::Silent,
        "{stale} stale receipts instead of 1"
    );
    line.extend(&second, Duration::ZERO).await;
    let third = line.take().await;
    assert_eq!(third.body, second.body, "it is still there");
    line.delete([&third]).await;
}

/// A lease extended far beyond the configured one keeps a message invisible, and it can still be deleted.
pub async fn an_extended_lease_hides<Q: Queue>(port: &Q, settings: &Settings) {
    let line = Line::new(port, QueueName::Inbound, settings, "extended");
    line.send(&[line.body("one")]).await;
    let mut delivery = line.take().await;
    // On a busy machine the lease may end before it is extended; then there is another receive.
    while line.extend(&delivery, settings.patience * 10).await == 1 {
        delivery = line.take().await;
    }
    line.stays_empty("its lease was extended").await;
    line.delete([&delivery]).await;
}

/// A lease set to zero gives a message back at once.
pub async fn a_zero_lease_gives_back<Q: Queue>(port: &Q, settings: &Settings) {
    let line = Line::new(port, QueueName::Outbound, settings, "gives-back");
    line.send(&[line.body("one")]).await;
    let first = line.take().await;
    // Held for long, so that only giving it back can bring it back in time.
    if line.extend(&first, settings.patience * 10).await == 0 {
        assert_eq!(
            line.extend(&first, Duration::ZERO).await,
            0,
            "a running lease can be given back"
        );
    }
    let second = line.take().await;
    assert!(
        second.received > first.received,
        "{} then {}",
        first.received,
        second.received
    );
    line.delete([&second]).await;
}

/// A message received as often as configured and not deleted is found in the dead-letter queue, with its body.
pub async fn too_many_receives_dead_letter<Q: Queue>(port: &Q, settings: &Settings) {
    let line = Line::new(port, QueueName::Faults, settings, "dead");
    let dead = line.at(QueueName::Dead);
    let body = line.body("poison");
    line.send(std::slice::from_ref(&body)).await;
    for _ in 0..settings.receives {
        let delivery = line.take().await;
        line.extend(&delivery, Duration::ZERO).await;
    }
    // SQS moves a message when somebody asks for it once more.
    let end = Instant::now() + settings.patience;
    loop {
        let more = line.receive(1, Duration::ZERO).await;
        assert!(
            more.is_empty(),
            "receive {} of {}",
            more[0].received,
            settings.receives
        );
        if let Some(delivery) = dead.receive(1, settings.visibility).await.pop() {
            assert_eq!(delivery.body, body);
            dead.delete([&delivery]).await;
            return;
        }
        assert!(
            Instant::now() < end,
            "not dead-lettered after {:?}",
            settings.patience
        );
    }
}

/// A receive that waits returns when a message arrives, long before its wait is over.
pub async fn a_long_poll_ends_with_a_message<Q: Queue>(port: &Q, settings: &Settings) {
    let line = Line::new(port, QueueName::Layer(Operation::Sub), settings, "long-poll");
    let begin = Instant::now();
    let (delivery, ()) = join(line.take(), async { line.send(&[line.body("one")]).await }).await;
    assert!(
        begin.elapsed() < LONG_POLL.min(settings.patience),
        "it returned only when the wait was over"
    );
    line.delete([&delivery]).await;
}

/// A receive without a wait on an empty queue returns nothing.
pub async fn an_empty_queue_gives_nothing<Q: Queue>(port: &Q, settings: &Settings) {
    let line = Line::new(port, QueueName::Layer(Operation::Add), settings, "empty");
    assert_eq!(line.receive(10, Duration::ZERO).await, vec![]);
}

/// Several receivers of one queue get all of its messages between them.
pub async fn receivers_share_a_queue<Q: Queue>(port: &Q, settings: &Settings) {
    let line = Line::new(port, QueueName::Layer(Operation::Mul), settings, "share");
    let bodies: Vec<String> = (0..20).map(|index| line.body(index)).collect();
    line.send(&bodies).await;
    let seen = std::sync::Mutex::new(BTreeSet::new());
    let receiver = async || {
        let end = Instant::now() + settings.patience;
        while seen.lock().is_ok_and(|seen| seen.len() < bodies.len()) {
            assert!(
                Instant::now() < end,
                "not all messages after {:?}",
                settings.patience
            );
            let deliveries = line.receive(3, settings.visibility).await;
            line.delete(&deliveries).await;
            if let Ok(mut seen) = seen.lock() {
                seen.extend(deliveries.into_iter().map(|delivery| delivery.body));
            }
        }
    };
    join(receiver(), receiver()).await;
}

/// When nothing happens any more, the depth is right.
pub async fn depth_is_eventually_right<Q: Queue>(port: &Q, settings: &Settings) {
    let line = Line::new(port, QueueName::Layer(Operation::Div), settings, "depth");
    let before = must(port.depth(line.queue).await, "depth");
    let bodies: Vec<String> = (0..5).map(|index| line.body(index)).collect();
    line.send(&bodies).await;
    eventually(
        &line,
        |visible, _| visible >= before.visible + 5,
        "5 more are visible",
    )
    .await;
    let delivery = line.take().await;
    if line.extend(&delivery, settings.patience * 10).await == 0 {
        eventually(
            &line,
            |_, in_flight| in_flight > before.in_flight,
            "one more is in flight",
        )
        .await;
    }
    line.delete([&delivery]).await;
    let rest: Vec<String> = bodies.into_iter().filter(|body| *body != delivery.body).collect();
    line.drain(&rest).await;
    eventually(
        &line,
        |visible, in_flight| visible + in_flight == 0,
        "it is empty",
    )
    .await;
}

async fn eventually<Q: Queue>(line: &Line<'_, Q>, right: impl Fn(u64, u64) -> bool, what: &str) {
    let end = Instant::now() + line.settings.patience;
    // The suite never leaves anything on this queue, so that waiting for it is how time passes without a runtime.
    let idle = line.at(QueueName::Dead);
    loop {
        let depth = must(line.port.depth(line.queue).await, "depth");
        if right(depth.visible, depth.in_flight) {
            return;
        }
        assert!(
            Instant::now() < end,
            "depth of {} is {depth:?}, but {what}",
            line.queue
        );
        idle.receive(1, Duration::from_millis(100)).await;
    }
}

/// Every promise in a row.
pub async fn all<Q: Queue>(port: &Q, settings: &Settings) {
    what_is_sent_is_received_until_it_is_deleted(port, settings).await;
    a_batch_arrives_whole(port, settings).await;
    bodies_arrive_unchanged(port, settings).await;
    queues_are_separate(port, settings).await;
    an_ended_lease_redelivers(port, settings).await;
    a_stale_receipt_deletes_nothing(port, settings).await;
    an_extended_lease_hides(port, settings).await;
    a_zero_lease_gives_back(port, settings).await;
    too_many_receives_dead_letter(port, settings).await;
    a_long_poll_ends_with_a_message(port, settings).await;
    an_empty_queue_gives_nothing(port, settings).await;
    receivers_share_a_queue(port, settings).await;
    depth_is_eventually_right(port, settings).await;
}
