//! The external metrics adapter: what Kubernetes' own autoscaler may know of the layers (`external.metrics.k8s.io/v1beta1`).
//!
//! | metric | value, with label `operation` |
//! |---|---|
//! | `tally_layer_depth` | tasks that wait or are in flight on the layer, asked for when Kubernetes asks |
//! | `tally_layer_rate` | tasks per second enqueued in the last ten seconds |
//!
//! The API server finds it by an APIService (deploy/base/hpa/queue) and proxies to it; the types are those of
//! k8s.io/metrics/pkg/apis/external_metrics/v1beta1.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tally_listen::{Certificate, Page, Pages, serve_pages};
use tally_model::{Instant, Observation, Operation, QueueName, Step};
use tally_ports::{Clock, Queue};
use tally_process::{Error, Room, World};
use tally_roles::autoscaler;
use tokio::sync::mpsc;

use crate::hints;
use crate::serving::bind;

/// Path of the group's version.
const ROOT: &str = "/apis/external.metrics.k8s.io/v1beta1";
const DEPTH: &str = "tally_layer_depth";
const RATE: &str = "tally_layer_rate";
/// Over how long a rate is taken.
const WINDOW: Duration = Duration::from_secs(10);
/// Names in the certificate.
const NAMES: [&str; 2] = ["metrics.tally-system.svc", "metrics"];
/// Enqueue hints that may wait.
const HINTS: usize = 1_024;

/// Serves the adapter on `address`.
pub(crate) async fn start<W: World>(room: &Room<W>, address: std::net::SocketAddr) -> Result<(), Error> {
    let certificate = Certificate::generate(&NAMES).map_err(Error::Start)?;
    let rates = Arc::new(Rates::default());
    let (sender, mut receiver) = mpsc::channel(HINTS);
    hints::hear_arrivals(room, sender);
    let (counted, clock) = (Arc::clone(&rates), room.clock);
    room.tasks.spawn(async move {
        while let Some(event) = receiver.recv().await {
            if let autoscaler::Event::Enqueued { operation, count } = event {
                counted.count(clock.now(), operation, count);
            }
        }
    });
    let adapter = Arc::new(Adapter {
        room: room.clone(),
        rates,
        over: Mutex::default(),
    });
    let pages: Pages = Arc::new(move |path, query| {
        let adapter = Arc::clone(&adapter);
        Box::pin(async move { adapter.page(&path, &query).await })
    });
    let listener = bind(address).await?;
    let shutdown = room.shutdown.clone().cancelled_owned();
    room.tasks
        .spawn(serve_pages(listener, certificate, pages, shutdown));
    Ok(())
}

struct Adapter<W: World> {
    room: Room<W>,
    rates: Arc<Rates>,
    /// Layers that were above the threshold when they were last asked for.
    over: Mutex<[bool; 4]>,
}

impl<W: World> Adapter<W> {
    async fn page(&self, path: &str, query: &str) -> Page {
        if path == ROOT {
            return (200, resources().to_string());
        }
        let Some((metric, operations)) = request(path, query) else {
            return (404, status(404, "there is no such metric").to_string());
        };
        let mut items = Vec::new();
        for operation in operations {
            let value = self.value(metric, operation).await;
            self.answered(metric, operation, &value);
            match value {
                Ok(value) => items.push(item(metric, operation, &value, wall_clock())),
                Err(problem) => return (503, status(503, &problem).to_string()),
            }
        }
        let list = json!({
            "kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": {}, "items": items,
        });
        (200, list.to_string())
    }

    async fn value(&self, metric: &str, operation: Operation) -> Result<String, String> {
        if metric == RATE {
            return Ok(self.rates.milli(self.room.clock.now(), operation));
        }
        let asked = self.room.ports.queue.depth(QueueName::Layer(operation)).await;
        let depth = asked.map_err(|error| error.to_string())?;
        let depth = depth.visible + depth.in_flight;
        self.served(operation, depth);
        Ok(depth.to_string())
    }

    /// Every answer is put on record: with the scale they are all that a live autoscaler decides by.
    fn answered(&self, metric: &str, operation: Operation, answer: &Result<String, String>) {
        let step = Observation::new(self.room.clock.now(), Step::MetricServed)
            .with_operation(operation)
            .with_metric(metric);
        self.room.observe(&match answer {
            Ok(quantity) => match number(quantity) {
                Some(value) => step.with_value(value),
                None => step.with_note(format!("{quantity} is no number")),
            },
            Err(problem) => step.with_note(problem),
        });
    }

    /// The first value above the threshold that was served is when the metric became visible.
    fn served(&self, operation: Operation, depth: u64) {
        let is_over = depth > u64::from(self.room.platform.threshold);
        let was_over = {
            let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut over[operation.index()], is_over)
        };
        if is_over && !was_over {
            let step = Observation::new(self.room.clock.now(), Step::MetricVisible).with_operation(operation);
            self.room
                .observe(&step.with_value(depth as f64).with_note("external metric served"));
        }
    }
}

/// Tasks enqueued lately, per layer.
#[derive(Debug, Default)]
struct Rates([Mutex<VecDeque<(Instant, u64)>>; 4]);

impl Rates {
    fn count(&self, now: Instant, operation: Operation, count: u64) {
        let mut seen = self.0[operation.index()]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        forget(&mut seen, now);
        seen.push_back((now, count));
    }

    /// Tasks per second as a quantity with the suffix `m`.
    fn milli(&self, now: Instant, operation: Operation) -> String {
        let mut seen = self.0[operation.index()]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        forget(&mut seen, now);
        let total: u64 = seen.iter().map(|(_, count)| count).sum();
        format!("{}m", total * 1000 / WINDOW.as_secs())
    }
}

fn forget(seen: &mut VecDeque<(Instant, u64)>, now: Instant) {
    while seen.front().is_some_and(|(at, _)| now.since(*at) > WINDOW) {
        seen.pop_front();
    }
}

/// The metric and the layers that a request asks for; none if there is no such thing.
fn request(path: &str, query: &str) -> Option<(&'static str, Vec<Operation>)> {
    let rest = path.strip_prefix(ROOT)?.strip_prefix("/namespaces/")?;
    let (_, metric) = rest.split_once('/')?;
    let metric = [DEPTH, RATE].into_iter().find(|known| *known == metric)?;
    let selector = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("labelSelector="));
    let selector = selector
        .unwrap_or_default()
        .replace("%3D", "=")
        .replace("%2C", ",");
    let wanted: BTreeMap<&str, &str> = selector
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name, value.trim_start_matches('=')))
        .collect();
    match wanted.get("operation") {
        Some(name) => Operation::from_name(name).map(|operation| (metric, vec![operation])),
        None => Some((metric, Operation::ALL.to_vec())),
    }
}

/// The number of a quantity of ours: whole, or in thousandths.
fn number(quantity: &str) -> Option<f64> {
    match quantity.strip_suffix('m') {
        Some(milli) => milli.parse::<f64>().ok().map(|milli| milli / 1000.0),
        None => quantity.parse().ok(),
    }
}

fn item(metric: &str, operation: Operation, value: &str, timestamp: String) -> Value {
    json!({
        "metricName": metric, "metricLabels": { "operation": operation.name() }, "timestamp": timestamp, "value": value,
    })
}

fn resources() -> Value {
    let resource = |name: &str| {
        json!({
            "name": name, "singularName": "", "namespaced": true, "kind": "ExternalMetricValueList", "verbs": ["get"],
        })
    };
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "external.metrics.k8s.io/v1beta1",
        "resources": [resource(DEPTH), resource(RATE)],
    })
}

fn status(code: u16, message: &str) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code })
}

/// Now, in RFC 3339.
fn wall_clock() -> String {
    jiff::Timestamp::now().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request names a metric and a layer as HorizontalPodAutoscalers do; anything else is not found.
    #[test]
    fn requests_are_read_as_kubernetes_writes_them() {
        let path = |metric: &str| format!("{ROOT}/namespaces/tally-workers/{metric}");
        let depth = request(&path(DEPTH), "labelSelector=operation%3Dmul");
        assert_eq!(depth, Some((DEPTH, vec![Operation::Mul])));
        let all = request(&path(RATE), "");
        assert_eq!(all, Some((RATE, Operation::ALL.to_vec())));
        assert_eq!(request(&path("cpu"), ""), None);
        assert_eq!(request(&path(DEPTH), "labelSelector=operation%3Dpow"), None);
        assert_eq!(request("/apis", ""), None);
    }

    /// Rates count what came in the window, and only on their layer.
    #[test]
    fn a_rate_forgets() {
        let rates = Rates::default();
        let at = |seconds| Instant::from_nanos(0) + Duration::from_secs(seconds);
        rates.count(at(1), Operation::Add, 40);
        rates.count(at(5), Operation::Add, 10);
        assert_eq!(rates.milli(at(6), Operation::Add), "5000m");
        assert_eq!(rates.milli(at(12), Operation::Add), "1000m");
        assert_eq!(rates.milli(at(12), Operation::Sub), "0m");
    }
}
