//! Services in containers answer, and are gone with the value that holds them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use tally_containers::services;

fn is_there(container: &str) -> bool {
    let output = Command::new("docker")
        .args(["ps", "-aq", "--no-trunc"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().contains(container)
}

/// One request of HTTP/1.0, and all that comes back.
fn ask(address: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What is put is there; the container is not, once the value is dropped.
#[test]
fn etcd_keeps_what_it_is_given_and_goes_with_its_value() {
    if let Some(why) = tally_containers::missing() {
        eprintln!("SKIPPED: {why}: no service was started");
        return;
    }
    let etcd = services::etcd().unwrap();
    let address = etcd.address().unwrap();
    // "a" and "1" in base 64, as etcd's JSON gateway wants them.
    let put = ask(&address, "/v3/kv/put", r#"{"key": "YQ==", "value": "MQ=="}"#);
    assert!(put.contains("\"revision\""), "{put}");
    let range = ask(&address, "/v3/kv/range", r#"{"key": "YQ=="}"#);
    assert!(range.contains("\"value\":\"MQ==\""), "{range}");
    let id = etcd.id().to_owned();
    assert!(is_there(&id));
    drop(etcd);
    assert!(!is_there(&id));
}
