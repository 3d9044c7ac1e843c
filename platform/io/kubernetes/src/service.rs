//! Services between the port's type and Kubernetes'.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Endpoints, Service as KubeService, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tally_model::{Operation, Service};

use crate::labels::{COMPONENT, OPERATION, PART_OF, PLATFORM};

/// The component label of services of ours.
pub(crate) const LOAD_BALANCER: &str = "load-balancer";

/// The Kubernetes service over all workers of the operation.
pub(crate) fn to_kube(service: &Service, port: u16, owner: Option<OwnerReference>) -> KubeService {
    let pairs = |component: &str| {
        BTreeMap::from([
            (PART_OF.to_owned(), PLATFORM.to_owned()),
            (COMPONENT.to_owned(), component.to_owned()),
            (OPERATION.to_owned(), service.operation.name().to_owned()),
        ])
    };
    KubeService {
        metadata: ObjectMeta {
            name: Some(service.name.clone()),
            labels: Some(pairs(LOAD_BALANCER)),
            owner_references: owner.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(ServiceSpec {
            selector: Some(pairs("worker")),
            ports: Some(vec![ServicePort {
                name: Some("grpc".to_owned()),
                port: i32::from(port),
                target_port: Some(IntOrString::Int(i32::from(port))),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}

/// A service of ours, without endpoints; none if it is somebody else's.
pub(crate) fn from_kube(service: &KubeService) -> Option<Service> {
    let operation = service.metadata.labels.as_ref()?.get(OPERATION)?;
    Some(Service {
        name: service.metadata.name.clone()?,
        operation: Operation::from_name(operation)?,
        endpoints: Vec::new(),
    })
}

/// Host and port of every ready endpoint.
pub(crate) fn addresses(endpoints: &Endpoints) -> Vec<String> {
    let subsets = endpoints.subsets.iter().flatten();
    let pairs = subsets.flat_map(|subset| {
        let ports = subset.ports.iter().flatten();
        ports.flat_map(|port| {
            let hosts = subset.addresses.iter().flatten();
            hosts.map(|host| format!("{}:{}", host.ip, port.port))
        })
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A service comes back as what was asked for, and selects the workers of its operation only.
    #[test]
    fn a_service_round_trips_and_selects_workers() {
        let service = Service {
            name: "mul".into(),
            operation: Operation::Mul,
            endpoints: Vec::new(),
        };
        let kube = to_kube(&service, 7000, None);
        assert_eq!(from_kube(&kube), Some(service));
        let value = serde_json::to_value(&kube).unwrap();
        assert_eq!(value["spec"]["selector"]["tally.dev/operation"], "mul");
        assert_eq!(value["spec"]["selector"]["app.kubernetes.io/component"], "worker");
        assert_eq!(from_kube(&KubeService::default()), None);
    }

    /// Addresses that are not ready are left out.
    #[test]
    fn only_ready_addresses_are_endpoints() {
        let endpoints = json!({ "subsets": [
            { "addresses": [{ "ip": "10.0.0.1" }, { "ip": "10.0.0.2" }], "ports": [{ "port": 7000 }] },
            { "notReadyAddresses": [{ "ip": "10.0.0.3" }], "ports": [{ "port": 7000 }] },
        ]});
        let endpoints = serde_json::from_value(endpoints).unwrap();
        assert_eq!(addresses(&endpoints), ["10.0.0.1:7000", "10.0.0.2:7000"]);
        assert_eq!(addresses(&Endpoints::default()), Vec::<String>::new());
    }
}
