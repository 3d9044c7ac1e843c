//! The platform's objects on a cluster: brought there and removed by the scripts of deploy/.

mod arm;
mod script;
mod target;

use std::path::{Path, PathBuf};

pub(crate) use arm::Arm;
use script::Script;
pub(crate) use target::{ClusterTarget, resolve};

use crate::output::Progress;

/// What is applied on kind: every policy of our own runs on it; the live autoscalers have overlays of their own.
pub(crate) const DEFAULT_OVERLAY: &str = "scaling-threshold";
/// The image of every role.
const IMAGE: &str = "tally:dev";
/// etcd's image on kind.
const ETCD_IMAGE: &str = "tally-etcd:3.4";
/// Everything of ours.
const OURS: &str = "app.kubernetes.io/part-of=tally";
/// Kinds of objects of ours that are in no namespace of ours.
const CLUSTER_WIDE: &str = "namespaces,apiservices,clusterroles,clusterrolebindings,persistentvolumes";

/// The folder deploy/ of a checkout.
#[derive(Clone, Debug)]
pub(crate) struct Deploy {
    folder: PathBuf,
}

impl Deploy {
    /// `$TALLY_DEPLOY_DIR`, else looked for from here and from this program upwards.
    pub(crate) fn locate() -> Result<Self, String> {
        let named = std::env::var_os("TALLY_DEPLOY_DIR").map(PathBuf::from);
        let program = std::env::current_exe().ok();
        let places = [std::env::current_dir().ok(), program];
        let found = places
            .iter()
            .flatten()
            .flat_map(|place| place.ancestors())
            .map(|place| place.join("deploy"))
            .find(|folder| is_deploy(folder));
        named
            .filter(|folder| is_deploy(folder))
            .or(found)
            .map(|folder| Self { folder })
            .ok_or_else(|| {
                "the folder deploy/ of Tally's sources was not found: work in a checkout, or name it in TALLY_DEPLOY_DIR".to_owned()
            })
    }

    fn script(&self, path: &str) -> Script {
        Script::new(self.folder.join(path))
    }

    /// Makes or reuses the kind cluster of a target.
    pub(crate) fn cluster(&self, name: &str, progress: &mut Progress) -> Result<(), String> {
        let up = self.script("kind/cluster.sh").args(["up", "--name", name]);
        up.run(progress).map(|_| ())
    }

    /// Builds the images and puts them onto a kind cluster.
    pub(crate) fn images(&self, name: &str, build: bool, progress: &mut Progress) -> Result<(), String> {
        if build {
            self.script("image.sh").args([IMAGE]).run(progress)?;
            self.script("kind/etcd/image.sh")
                .args([ETCD_IMAGE])
                .run(progress)?;
        }
        let load = ["load", IMAGE, ETCD_IMAGE, "--name", name];
        self.script("kind/cluster.sh")
            .args(load)
            .run(progress)
            .map(|_| ())
    }

    /// Applies an overlay of `kind` or `eks`.
    fn apply(&self, target: &ClusterTarget, overlay: &str, progress: &mut Progress) -> Result<(), String> {
        let family = if target.kind.is_some() { "kind" } else { "eks" };
        let path = self.folder.join(family).join("overlays").join(overlay);
        let path = path.to_string_lossy().into_owned();
        let apply = self.script("apply.sh").args([target.context.as_str(), &path]);
        apply.run(progress).map(|_| ())
    }

    /// Removes a kind cluster.
    pub(crate) fn remove_cluster(&self, name: &str, progress: &mut Progress) -> Result<(), String> {
        let down = self.script("kind/cluster.sh").args(["down", "--name", name]);
        down.run(progress).map(|_| ())
    }
}

fn is_deploy(folder: &Path) -> bool {
    folder.join("kind/cluster.sh").is_file() && folder.join("base").is_dir()
}

/// Everything of ours on a cluster that is in no namespace of ours, as `kind/name`; namespaces hold the rest.
pub(crate) fn leftovers(context: &str) -> Result<Vec<String>, String> {
    let list = [
        "get",
        CLUSTER_WIDE,
        "--selector",
        OURS,
        "--output",
        "name",
        "--ignore-not-found",
    ];
    let text = kubectl(context).args(list).quiet()?;
    Ok(text
        .lines()
        .map(str::to_owned)
        .filter(|line| !line.is_empty())
        .collect())
}

/// Removes everything of ours from a cluster and waits until it is gone.
pub(crate) fn remove(context: &str, progress: &mut Progress) -> Result<(), String> {
    let everything = [
        "delete",
        CLUSTER_WIDE,
        "--selector",
        OURS,
        "--ignore-not-found",
        "--wait=true",
        "--timeout=180s",
    ];
    kubectl(context).args(everything).run(progress)?;
    let bindings = [
        "--namespace",
        "kube-system",
        "delete",
        "rolebindings",
        "--selector",
        OURS,
        "--ignore-not-found",
    ];
    kubectl(context).args(bindings).run(progress).map(|_| ())
}

fn kubectl(context: &str) -> Script {
    Script::new(PathBuf::from("kubectl")).args(["--context", context])
}
