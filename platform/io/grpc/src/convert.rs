//! Pods and services between the ports' types and the wire's.

use tally_model::{Operation, Pod, PodPhase, Service};
use tally_wire::services as wire;

const fn phase_name(phase: PodPhase) -> &'static str {
    match phase {
        PodPhase::Starting => "starting",
        PodPhase::Running => "running",
        PodPhase::Gone => "gone",
    }
}

/// A pod as the wire carries it; `ended` says how its process ended, for people.
pub fn pod_to_wire(pod: &Pod, ended: String) -> wire::Pod {
    wire::Pod {
        name: pod.name.clone(),
        node: pod.node.to_string(),
        incarnation: pod.incarnation,
        phase: phase_name(pod.phase).into(),
        address: pod.address.clone().unwrap_or_default(),
        process: pod.process.unwrap_or(0),
        ended,
    }
}

/// A pod from the wire.
///
/// # Errors
/// Names the field that has no meaning.
pub fn pod_from_wire(pod: wire::Pod) -> Result<Pod, String> {
    let phase = [PodPhase::Starting, PodPhase::Running, PodPhase::Gone]
        .into_iter()
        .find(|phase| phase_name(*phase) == pod.phase)
        .ok_or_else(|| format!("a pod with phase `{}`", pod.phase))?;
    Ok(Pod {
        node: pod
            .node
            .parse()
            .map_err(|error| format!("a pod with node `{}`: {error}", pod.node))?,
        name: pod.name,
        incarnation: pod.incarnation,
        phase,
        address: Some(pod.address).filter(|address| !address.is_empty()),
        process: Some(pod.process).filter(|process| *process != 0),
    })
}

pub(crate) fn service_to_wire(service: &Service) -> wire::Service {
    wire::Service {
        name: service.name.clone(),
        operation: service.operation.name().into(),
        endpoints: service.endpoints.clone(),
    }
}

pub(crate) fn service_from_wire(service: wire::Service) -> Result<Service, String> {
    Ok(Service {
        operation: Operation::from_name(&service.operation)
            .ok_or_else(|| format!("a service for operation `{}`", service.operation))?,
        name: service.name,
        endpoints: service.endpoints,
    })
}
