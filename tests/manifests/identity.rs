//! Who may use Amazon's queues: roles that are told where the stores are, by an annotation of their service account (IRSA).

use serde_json::Value;

use super::rendered::{Rendered, title};

/// EKS gives whoever runs as an account with this a token that AWS changes into the role it names.
pub(crate) const ROLE: &str = "eks.amazonaws.com/role-arn";

/// Pods that use the queues and have no role, accounts that have one for nothing, and roles where there is no Amazon.
pub(crate) fn violations(rendered: &Rendered) -> Vec<String> {
    let is_amazon = rendered.name.starts_with("eks/");
    let mut found = Vec::new();
    let mut entitled = Vec::new();
    for (name, pod) in rendered.pods() {
        let account = account_of(&pod);
        if !is_amazon || !uses_stores(&pod) {
            continue;
        }
        let mut accounts = rendered.of("ServiceAccount");
        let own = accounts
            .find(|known| account == place(&known["metadata"]["namespace"], &known["metadata"]["name"]));
        if own.is_none_or(|own| own["metadata"]["annotations"][ROLE].as_str().is_none()) {
            found.push(format!("{name}: uses the queues, but {account} has no role"));
        }
        entitled.push(account);
    }
    let with_role = rendered
        .of("ServiceAccount")
        .filter(|account| account["metadata"]["annotations"].get(ROLE).is_some());
    let needless = with_role.filter(|account| {
        let own = place(&account["metadata"]["namespace"], &account["metadata"]["name"]);
        !entitled.contains(&own)
    });
    found.extend(needless.map(|account| format!("{}: has a role for nothing", title(account))));
    found
}

fn account_of(pod: &Value) -> String {
    place(&pod["metadata"]["namespace"], &pod["spec"]["serviceAccountName"])
}

fn place(namespace: &Value, name: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("default").to_owned();
    format!("{}/{}", text(namespace), text(name))
}

fn uses_stores(pod: &Value) -> bool {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut sources = containers.flat_map(|container| container["envFrom"].as_array().into_iter().flatten());
    sources.any(|source| source["configMapRef"]["name"] == "tally-services")
}
