//! Requests per CPU-second of the client, flat out, with full recording, beside wrk with the same bytes and connections.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tally_load::{Control, Options, Spin, run};

use crate::accuracy::constant;
use crate::sink::Sink;

const CONNECTIONS: usize = 16;

pub(crate) fn measure(full: bool) {
    let (count, seconds, pairs) = if full { (200_000, 2, 4) } else { (2_000, 1, 1) };
    println!(
        "\nRequests per client CPU-second, flat out, {CONNECTIONS} connections, one thread, same sink and bytes"
    );
    let mut ratios = Vec::new();
    for pair in 0..pairs {
        // Interleaved ABBA, so that a drift of the machine favours neither.
        let (own, peer) = if pair % 2 == 0 {
            let own = ours(count);
            (own, full.then(|| wrk(seconds)).flatten())
        } else {
            let peer = full.then(|| wrk(seconds)).flatten();
            (ours(count), peer)
        };
        match peer {
            Some(peer) => {
                ratios.push(own.0 / peer);
                println!(
                    "pair {pair}: tally {:>8.0}  wrk {peer:>8.0}  ratio {:.2}  (tally wall {:.0}/s)",
                    own.0,
                    own.0 / peer,
                    own.1
                );
            }
            None => println!(
                "pair {pair}: tally {:>8.0}  wrk SKIPPED (not installed, or no answer), not measured",
                own.0
            ),
        }
    }
    ratios.sort_by(f64::total_cmp);
    if let (Some(low), Some(high)) = (ratios.first(), ratios.last()) {
        println!(
            "ratio to wrk: median {:.2}, from {low:.2} to {high:.2}",
            ratios[ratios.len() / 2]
        );
    }
}

/// Requests per CPU-second and per second.
fn ours(count: u64) -> (f64, f64) {
    let sink = Sink::start("plain");
    let shots = constant(&sink, count, Duration::ZERO);
    let options = Options {
        realtime: false,
        connections_min: CONNECTIONS,
        connections_max: CONNECTIONS,
        spin: Spin::Off,
        start: Instant::now() + Duration::from_millis(50),
        deadline: Duration::from_mins(2),
        ..Options::to(sink.address)
    };
    let report = run(&options, &shots, &Control::new(0).unwrap()).unwrap();
    assert_eq!(
        report
            .requests
            .iter()
            .filter(|request| request.id.is_some())
            .count() as u64,
        count
    );
    (
        count as f64 / report.cpu_seconds,
        count as f64 / report.elapsed.as_secs_f64(),
    )
}

/// Requests per CPU-second of wrk, by the shell's accounting of its children; none if it is not installed.
fn wrk(seconds: u64) -> Option<f64> {
    let sink = Sink::start("plain");
    let mut script = tempfile(sink.address)?;
    script.1.flush().ok()?;
    let command = format!(
        "wrk -t1 -c{CONNECTIONS} -d{seconds}s -s {} http://{}/v1/expressions; times",
        script.0, sink.address
    );
    let output = Command::new("sh")
        .args(["-c", &command])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let _ = std::fs::remove_file(&script.0);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let requests: f64 = text
        .split(" requests in")
        .next()?
        .split_whitespace()
        .last()?
        .parse()
        .ok()?;
    let cpu: f64 = text
        .lines()
        .last()?
        .split_whitespace()
        .filter_map(minutes_and_seconds)
        .sum();
    // With no answer at all wrk measured nothing.
    (requests > 0.0 && cpu > 0.0).then_some(requests / cpu)
}

/// The script that makes wrk send what we send; it serialises the request once, too.
fn tempfile(target: SocketAddr) -> Option<(String, std::fs::File)> {
    let path = std::env::temp_dir().join(format!("tally-bench-{}.lua", std::process::id()));
    let mut file = std::fs::File::create(&path).ok()?;
    writeln!(
        file,
        "wrk.method = \"POST\"\nwrk.body = '{{\"expression\":\"((3+5)*(4/2))\"}}'\n\
         wrk.headers = {{ Host = \"{target}\", [\"Content-Type\"] = \"application/json\", \
         [\"Idempotency-Key\"] = \"bench-0000000000000000\", [\"Tally-Tag\"] = \"bench\", \
         [\"Tally-Work-Key\"] = \"100000\" }}"
    )
    .ok()?;
    Some((path.to_str()?.to_owned(), file))
}

/// `0m1.230000s` as POSIX `times` prints it.
fn minutes_and_seconds(text: &str) -> Option<f64> {
    let (minutes, seconds) = text.strip_suffix('s')?.split_once('m')?;
    Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
}
