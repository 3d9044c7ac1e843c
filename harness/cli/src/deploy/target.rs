//! Which cluster is meant.

use std::net::SocketAddr;

use crate::args::ClusterArgs;

/// Contexts that kind makes begin with this; others want an explicit flag, because a platform that starts stops what ran
/// there before.
const KIND: &str = "kind-";

/// A cluster to run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClusterTarget {
    /// The context of the kubeconfig.
    pub(crate) context: String,
    /// The name of the kind cluster behind it, if it is one.
    pub(crate) kind: Option<String>,
    /// Where the gateway answers, if somebody said so.
    pub(crate) gateway: Option<SocketAddr>,
}

/// What is wrong, and what helps.
pub(crate) type Refusal = (String, &'static str);

/// The cluster that `--target kind|kube` and its flags mean; none for another target.
pub(crate) fn resolve(target: &str, args: &ClusterArgs) -> Result<Option<ClusterTarget>, Refusal> {
    let name = std::env::var("TALLY_KIND_CLUSTER").unwrap_or_else(|_| "tally".to_owned());
    let context = match (target, &args.context) {
        ("kind", None) => format!("{KIND}{name}"),
        ("kind" | "kube", Some(context)) => context.clone(),
        ("kube", None) => {
            let help = "`kubectl config get-contexts` lists them";
            return Err(("--target kube needs --context NAME".to_owned(), help));
        }
        _ => return Ok(None),
    };
    let kind = context.strip_prefix(KIND).map(str::to_owned);
    if kind.is_none() && target == "kind" {
        let help = "for another cluster: --target kube --context NAME --any-context";
        return Err((format!("context `{context}` is not one of kind's"), help));
    }
    if kind.is_none() && !args.any_context {
        let help = "give --any-context if you mean it: what runs there in the namespaces tally-* is stopped";
        return Err((format!("context `{context}` is not one of kind's"), help));
    }
    Ok(Some(ClusterTarget {
        context,
        kind,
        gateway: args.gateway,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(context: Option<&str>, any_context: bool) -> ClusterArgs {
        ClusterArgs {
            context: context.map(str::to_owned),
            gateway: None,
            any_context,
        }
    }

    /// Somebody's production cluster is never touched by a flag forgotten or a context that happens to be the current one.
    #[test]
    fn only_kind_is_used_without_an_explicit_flag() {
        let kind = resolve("kind", &with(Some("kind-a"), false)).unwrap().unwrap();
        assert_eq!(
            (kind.context.as_str(), kind.kind.as_deref()),
            ("kind-a", Some("a"))
        );
        for (target, context, any) in [
            ("kind", Some("prod"), false),
            ("kind", Some("prod"), true),
            ("kube", Some("prod"), false),
            ("kube", None, true),
        ] {
            assert!(
                resolve(target, &with(context, any)).is_err(),
                "{target} {context:?} {any}"
            );
        }
        let prod = resolve("kube", &with(Some("prod"), true)).unwrap().unwrap();
        assert_eq!(prod.kind, None);
        assert_eq!(resolve("local", &with(None, false)), Ok(None));
    }
}
