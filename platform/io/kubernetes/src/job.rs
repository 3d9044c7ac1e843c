//! Jobs of one pod each: what an operator has run on the cluster beside the platform.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{ConfigMap, PodTemplateSpec, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};

use crate::cluster::in_time;
use crate::{Error, Operate, Template};

/// How long an ended Job stays if nobody removes it, in seconds; servers before 1.21 leave it.
const KEPT: i32 = 60;

impl Template {
    /// A Job of one pod of this template, which is not tried again, and ended after `longest`.
    fn job(&self, name: &str, longest: Duration) -> Job {
        let pod = self.pod();
        Job {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: pod.metadata.labels.clone(),
                ..ObjectMeta::default()
            },
            spec: Some(JobSpec {
                backoff_limit: Some(0),
                active_deadline_seconds: Some(i64::try_from(longest.as_secs()).unwrap_or(i64::MAX)),
                ttl_seconds_after_finished: Some(KEPT),
                template: PodTemplateSpec {
                    metadata: Some(ObjectMeta {
                        labels: pod.metadata.labels.clone(),
                        ..ObjectMeta::default()
                    }),
                    spec: pod.spec.clone(),
                },
                ..JobSpec::default()
            }),
            status: None,
        }
    }
}

impl Operate {
    /// Has one pod of `template` run to its end, at most for `longest`.
    ///
    /// # Errors
    /// The server's; one of that name is an error.
    pub async fn run_job(
        &self,
        namespace: &str,
        name: &str,
        template: &Template,
        longest: Duration,
    ) -> Result<(), Error> {
        let api: Api<Job> = Api::namespaced(self.client.clone(), namespace);
        let (parameters, job) = (PostParams::default(), template.job(name, longest));
        let work = api.create(&parameters, &job);
        in_time(format!("create job {namespace}/{name}"), work)
            .await
            .map(|_| ())
    }

    /// Deletes every Job that `labels` chooses; its pods follow.
    ///
    /// # Errors
    /// The server's.
    pub async fn delete_jobs(&self, namespace: &str, labels: &str) -> Result<(), Error> {
        let api: Api<Job> = Api::namespaced(self.client.clone(), namespace);
        let (parameters, chosen) = (DeleteParams::background(), ListParams::default().labels(labels));
        let work = api.delete_collection(&parameters, &chosen);
        in_time(format!("delete jobs of {namespace}"), work)
            .await
            .map(|_| ())
    }

    /// A key of a config map; none if there is no such key.
    ///
    /// # Errors
    /// The server's; also if there is no such map.
    pub async fn setting(&self, namespace: &str, map: &str, key: &str) -> Result<Option<String>, Error> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let found = in_time(format!("read config map {namespace}/{map}"), api.get(map)).await?;
        Ok(found.data.and_then(|mut data| data.remove(key)))
    }

    /// The image of a Deployment's first container.
    ///
    /// # Errors
    /// The server's; also if there is no such Deployment.
    pub async fn image(&self, namespace: &str, deployment: &str) -> Result<Option<String>, Error> {
        let api: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let call = format!("read deployment {namespace}/{deployment}");
        let found = in_time(call, api.get(deployment)).await?;
        let spec = found.spec.and_then(|spec| spec.template.spec);
        let first = spec.and_then(|spec| spec.containers.into_iter().next());
        Ok(first.and_then(|container| container.image))
    }

    /// Where pods reach the port `port` of a service; none if it has no address of its own, or no such port.
    ///
    /// # Errors
    /// The server's; also if there is no such service.
    pub async fn service(
        &self,
        namespace: &str,
        service: &str,
        port: &str,
    ) -> Result<Option<SocketAddr>, Error> {
        let api: Api<Service> = Api::namespaced(self.client.clone(), namespace);
        let call = format!("read service {namespace}/{service}");
        let spec = in_time(call, api.get(service)).await?.spec.unwrap_or_default();
        let ip = spec.cluster_ip.and_then(|ip| ip.parse::<IpAddr>().ok());
        let mut ports = spec.ports.into_iter().flatten();
        let named = ports.find(|known| known.name.as_deref() == Some(port));
        let number = named.and_then(|known| u16::try_from(known.port).ok());
        Ok(ip.zip(number).map(|(ip, number)| SocketAddr::new(ip, number)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A Job has the template's pod and labels, runs once, and ends by itself.
    #[test]
    fn a_job_is_one_pod_that_is_not_tried_again() {
        let template = json!({
            "metadata": { "labels": { "app.kubernetes.io/part-of": "tally" } },
            "spec": { "restartPolicy": "Never", "containers": [{ "name": "tally", "image": "tally:dev" }] },
        });
        let template = Template::parse(&template.to_string(), Some("tally:other")).unwrap();
        let job = serde_json::to_value(template.job("agent-0", Duration::from_secs(90))).unwrap();
        assert_eq!(job["metadata"]["name"], "agent-0");
        assert_eq!(job["metadata"]["labels"]["app.kubernetes.io/part-of"], "tally");
        let spec = &job["spec"];
        assert_eq!(
            (&spec["backoffLimit"], &spec["activeDeadlineSeconds"]),
            (&json!(0), &json!(90))
        );
        assert_eq!(spec["template"]["metadata"]["labels"], job["metadata"]["labels"]);
        let pod = &spec["template"]["spec"];
        assert_eq!(pod["containers"][0]["image"], "tally:other");
        assert_eq!(pod["restartPolicy"], "Never");
    }
}
