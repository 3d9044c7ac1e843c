//! Overlays as kustomize renders them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// An overlay: its place under `deploy/`, and its objects.
#[derive(Clone)]
pub(crate) struct Rendered {
    pub(crate) name: String,
    pub(crate) objects: Vec<Value>,
}

impl Rendered {
    /// Objects of a kind.
    pub(crate) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    /// Everything that makes pods: what it is called, and the metadata and spec of the pod. The template that the fleet makes its
    /// pods after is among them.
    pub(crate) fn pods(&self) -> Vec<(String, Value)> {
        let made = ["Deployment", "StatefulSet", "Job"].into_iter().flat_map(|kind| {
            self.of(kind).map(|object| {
                let mut template = object["spec"]["template"].clone();
                template["metadata"]["namespace"] = object["metadata"]["namespace"].clone();
                (title(object), template)
            })
        });
        let templates = self
            .of("ConfigMap")
            .filter_map(|map| Some((title(map), map["data"]["pod.json"].as_str()?)));
        let parsed = templates.map(|(title, text)| (title, serde_json::from_str(text).unwrap()));
        made.chain(parsed).collect()
    }
}

/// `Kind namespace/name`, for messages.
pub(crate) fn title(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let metadata = &object["metadata"];
    format!(
        "{} {}/{}",
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"])
    )
}

/// The repository's `deploy` folder.
pub(crate) fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

/// Every overlay there is; none if this machine has no kustomize, which is said.
pub(crate) fn overlays() -> Option<Vec<Rendered>> {
    let Some(tool) = kustomize() else {
        eprintln!(
            "SKIPPED: no kubectl of 1.27 or newer, and no kustomize of 5 or newer: the manifests were NOT checked"
        );
        return None;
    };
    let mut rendered = Vec::new();
    for target in ["kind", "eks"] {
        let folder = deploy().join(target).join("overlays");
        let mut paths: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        paths.sort();
        rendered.extend(paths.iter().map(|path| render(tool, path)));
    }
    assert!(rendered.len() >= 6, "only {} overlays found", rendered.len());
    Some(rendered)
}

/// The command that renders a folder.
fn kustomize() -> Option<&'static [&'static str]> {
    // A component is what older versions do not know.
    let probe = deploy().join("kind/overlays/scaling-hpa-cpu");
    [&["kubectl", "kustomize"][..], &["kustomize", "build"]]
        .into_iter()
        .find(|tool| run(tool, &probe).is_ok())
}

fn run(tool: &[&str], path: &Path) -> Result<String, String> {
    let (program, arguments) = tool.split_first().unwrap();
    let output = Command::new(program).args(arguments).arg(path).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn render(tool: &[&str], path: &Path) -> Rendered {
    let name = path.strip_prefix(deploy()).unwrap().display().to_string();
    let text = run(tool, path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(objects.len() > 30, "{name}: only {} objects", objects.len());
    Rendered { name, objects }
}
