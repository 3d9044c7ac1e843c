//! What the harness itself needs for a million requests: plan, generator, recorder and files, against a gateway that only says yes.
//!
//! `cargo run --release -p tally --example rehearsal [REQUESTS [RATE]]`; the gateway is another process, so that the memory printed is
//! the harness's alone.

#![allow(clippy::print_stdout, reason = "an example speaks to its user")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tally_capture::{Analysis, Environment, RunReader, RunStart, RunWriter, Window};
use tally_plan::Plan;

type Failure = Box<dyn std::error::Error>;

/// As long as three certificates of four replicas.
const CERTIFICATE: usize = 480;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "gateway") {
        return gateway();
    }
    let number = |place: usize, usual: u64| arguments.get(place).map_or(Ok(usual), |text| text.parse());
    let (count, rate) = (number(0, 1_000_000)?, number(1, 20_000)?);
    let mut child = Command::new(std::env::current_exe()?)
        .arg("gateway")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let result = play(count, rate, line.trim().parse()?);
    // The gateway ends with its input.
    drop(child.stdin.take());
    child.wait()?;
    result
}

fn play(count: u64, rate: u64, target: std::net::SocketAddr) -> Result<(), Failure> {
    let seconds = count.div_ceil(rate).max(1);
    let text = format!(
        "version = 1\nname = \"million\"\nseed = 1\nphases = {{ warmup = \"0s\", measure = \"{seconds}s\", drain = \"5s\" }}\n\
         [[load]]\nname = \"all\"\npattern = \"constant\"\nrate = \"{rate}/s\"\nexpr = {{ kind = \"tree\", depth = 2 }}\n\
         [[expect]]\nthat = \"lost == 0\"\n"
    );
    let experiment = tally_plan::parse(&text).map_err(|problems| format!("{problems:?}"))?;
    let root = tempfile::tempdir()?;
    let plan = Plan::expand(&experiment);
    say("plan");
    let start = RunStart {
        seed: 1,
        plan: &plan.fingerprint,
        target: "local",
        command: &[],
        experiment: text.as_bytes(),
    };
    let environment = Environment::observe("release");
    let run = RunWriter::create(root.path(), "million", start, &experiment, &plan, environment)?;
    say("plan.json");
    let begun = Instant::now();
    let played = tally::rehearse(plan, target, run.trial(1)?)?;
    println!("{played:?} in {:.1} s", begun.elapsed().as_secs_f64());
    say("trial");
    let trial = RunReader::open(root.path(), "latest")?.trials()?.remove(0);
    let check = tally_check::check_trial(&trial, &tally_check::Options::default())?;
    say("check");
    let summary = Analysis::read(&trial, 2)?.summary(Window::ALWAYS);
    say("analysis");
    println!(
        "{} requests checked, p99 {:?} ns",
        check.requests,
        summary.metric("p99", "latency", "", "")
    );
    Ok(())
}

/// The most memory that this process has had so far (`VmHWM`, proc_pid_status(5)).
fn say(what: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or("?");
    println!("{what:10} peak so far {}", peak.trim());
}

/// Says 202 to every POST and answers it on the stream with a task and its certificate.
fn gateway() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let (tell, told) = channel();
    let told = Arc::new(Mutex::new(told));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (tell, told) = (tell.clone(), Arc::clone(&told));
            std::thread::spawn(move || serve(stream, &tell, &told));
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn serve(mut stream: TcpStream, tell: &Sender<u128>, told: &Mutex<Receiver<u128>>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut received = Vec::new();
    let mut piece = [0; 4_096];
    loop {
        let head = received.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(head) = head {
            let text = String::from_utf8_lossy(&received[..head]).to_ascii_lowercase();
            if text.starts_with("get") {
                return answer(stream, told);
            }
            let header = |name: &str| {
                text.lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::trim)
            };
            let body: usize = header("content-length:")?.parse().ok()?;
            let id: u128 = header("idempotency-key:")?
                .rsplit('-')
                .next()?
                .parse::<u128>()
                .ok()?
                + 1;
            while received.len() < head + 4 + body {
                let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
                received.extend_from_slice(&piece[..count]);
            }
            received.drain(..head + 4 + body);
            let body = format!("{{\"id\":\"{id:032x}\"}}");
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 202 Accepted\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .ok()?;
            tell.send(id).ok()?;
        } else {
            let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
            received.extend_from_slice(&piece[..count]);
        }
    }
}

fn answer(mut stream: TcpStream, told: &Mutex<Receiver<u128>>) -> Option<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    )
    .ok()?;
    let told = told.lock().unwrap_or_else(PoisonError::into_inner);
    let mut seed = 1_u64;
    while let Ok(id) = told.recv() {
        let mut tasks = String::new();
        for index in 0..3 {
            let mut certificate = String::with_capacity(CERTIFICATE);
            while certificate.len() < CERTIFICATE {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                certificate.push_str(&format!("{:08x}", seed >> 32));
            }
            let comma = if index == 0 { "" } else { "," };
            tasks.push_str(&format!(
                "{comma}{{\"job\":{{\"task\":\"{id:032x}.{index}\",\"operation\":\"add\",\"left\":\"1\",\"right\":\"2\"}},\
                 \"outcome\":\"3\",\"set\":\"add-0\",\"certificate\":\"{certificate}\",\"ready\":1,\"dispatched\":2,\"done\":3}}"
            ));
        }
        write!(
            stream,
            "data: {{\"id\":\"{id:032x}\",\"outcome\":\"3\",\"tasks\":[{tasks}],\"accepted\":1,\"folded\":2}}\n\n"
        )
        .ok()?;
    }
    Some(())
}
