//! Makes a cluster and holds it until standard input ends: `hold-cluster NAME IMAGE`. Its test kills it.
//!
//! Before it says `ready` it has loaded the image and run a pod of it that became ready.

use std::io::Write;
use std::process::ExitCode;

use tally_containers::{Cluster, Error};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, image] = arguments.as_slice() else {
        return end(2, &"usage: hold-cluster NAME IMAGE");
    };
    match hold(name, image) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => end(5, &error),
    }
}

fn end(code: u8, why: &dyn std::fmt::Display) -> ExitCode {
    // Nobody may be there to read it any more.
    let _ = writeln!(std::io::stderr(), "{why}");
    ExitCode::from(code)
}

fn hold(name: &str, image: &str) -> Result<(), Error> {
    let cluster = Cluster::up(name)?;
    cluster.load(&[image])?;
    let (pod, namespace) = ("held", "default");
    let container = format!(
        r#"{{"name": "{pod}", "image": "{image}", "imagePullPolicy": "Never", "args": ["--data-dir=/data/etcd"],
            "volumeMounts": [{{"name": "data", "mountPath": "/data"}}]}}"#
    );
    // A volume of its own: etcd reserves two files of 64 MB, and /dev/shm has room for one.
    let spec = format!(
        r#"{{"spec": {{"containers": [{container}], "volumes": [{{"name": "data", "emptyDir": {{}}}}]}}}}"#
    );
    cluster.kubectl(&[
        "run",
        pod,
        "--image",
        image,
        "--restart=Never",
        "--overrides",
        &spec,
    ])?;
    cluster.wait(namespace, &format!("pod/{pod}"), "Ready")?;
    let said = writeln!(
        std::io::stdout(),
        "ready {} {}",
        cluster.context(),
        cluster.gateway()
    );
    // Until the test ends us, or itself.
    let _ = said.and_then(|()| std::io::stdin().read_line(&mut String::new()));
    Ok(())
}
