//! Times what the lower bound is made of, on this machine, now.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use tally_consensus::Keys;
use tally_embedded::{Embedded, Settings};
use tally_load::Client;
use tally_local::{Options, Platform};
use tally_model::{Precondition, Suite};
use tally_ports::MetadataStore;

use crate::bound::Primitives;
use crate::estimate::median;

/// How primitives follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    name: &'static str,
    /// Samples of quick primitives, and of those that wait for a disk.
    many: usize,
    few: usize,
    /// Between two of them.
    pause: Duration,
}

impl Pace {
    /// One after the other: nothing sleeps, everything is in the caches.
    pub(crate) const HOT: Self = Self {
        name: "one after the other",
        many: 2_000,
        few: 200,
        pause: Duration::ZERO,
    };

    /// Twenty a second, as the requests of a sparse workload: each finds cores asleep and caches that belong to others.
    pub(crate) const SPARSE: Self = Self {
        name: "twenty a second",
        many: 40,
        few: 40,
        pause: Duration::from_millis(50),
    };

    /// In a sentence about primitives.
    pub(crate) const fn name(self) -> &'static str {
        self.name
    }

    /// The median time of one call, in nanoseconds, after a tenth of the calls to warm up.
    fn timed(self, samples: usize, mut act: impl FnMut()) -> f64 {
        for _ in 0..samples / 10 {
            act();
        }
        let times: Vec<f64> = (0..samples)
            .map(|_| {
                std::thread::sleep(self.pause);
                let start = Instant::now();
                act();
                start.elapsed().as_nanos() as f64
            })
            .collect();
        median(&times)
    }
}

/// Pages that are overwritten in turn.
const PAGES: u64 = 200;
/// Bytes of a message between roles, of a signed statement, of a page.
const MESSAGE: usize = 512;
const STATEMENT: usize = 128;
const PAGE: usize = 4_096;

/// Anything that went wrong, in words.
type Problem = String;

fn said(what: &str) -> impl FnOnce(std::io::Error) -> Problem {
    move |error| format!("{what}: {error}")
}

/// Times all of them; files are made in `folder`, which should be on the disk of the platform.
pub(crate) fn measure(pace: Pace, experiment: &str, folder: &Path) -> Result<Primitives, Problem> {
    let keys = Keys::generate(Suite::Modern, [7; 32]).map_err(|error| error.to_string())?;
    let statement = [1_u8; STATEMENT];
    let signature = keys.sign(&statement);
    let public = keys.public_key();
    Ok(Primitives {
        http: http(pace, experiment, folder)?,
        round_trip: round_trip(pace)?,
        sign: pace.timed(pace.many, || drop(std::hint::black_box(keys.sign(&statement)))),
        verify: pace.timed(pace.many, || {
            std::hint::black_box(public.verify(&statement, &signature));
        }),
        durable: durable(pace, folder).map_err(said("a durable write"))?,
        put: put(pace, folder)?,
    })
}

fn round_trip(pace: Pace) -> Result<f64, Problem> {
    let echo = |stream: &mut TcpStream| -> std::io::Result<()> {
        let mut buffer = [0; MESSAGE];
        loop {
            stream.read_exact(&mut buffer)?;
            stream.write_all(&buffer)?;
        }
    };
    let open = || -> std::io::Result<(TcpStream, TcpStream)> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let here = TcpStream::connect(listener.local_addr()?)?;
        let (there, _) = listener.accept()?;
        here.set_nodelay(true)?;
        there.set_nodelay(true)?;
        Ok((here, there))
    };
    let (mut here, mut there) = open().map_err(said("loopback"))?;
    std::thread::scope(|scope| {
        // Ends with the connection.
        scope.spawn(move || echo(&mut there));
        let mut buffer = [0; MESSAGE];
        let mut broken = None;
        let time = pace.timed(pace.many, || {
            let done = here
                .write_all(&buffer)
                .and_then(|()| here.read_exact(&mut buffer));
            broken = broken.take().or(done.err());
        });
        drop(here);
        broken.map_or(Ok(time), |error| Err(said("loopback")(error)))
    })
}

/// Asks an idle platform for its health, on one connection that stays open.
fn http(pace: Pace, experiment: &str, folder: &Path) -> Result<f64, Problem> {
    let experiment = tally_plan::parse_with(experiment, &[]).map_err(|problems| format!("{problems:?}"))?;
    let data = tempfile::tempdir_in(folder).map_err(said("a folder for a platform"))?;
    let timeout = Duration::from_mins(1);
    let options = Options {
        data: data.path().to_owned(),
        platform: experiment.platform,
        http: None,
        daemon: false,
        timeout,
    };
    let platform = Platform::start(&options).map_err(|error| error.to_string())?;
    let mut client = Client::new(platform.state().http, Duration::from_secs(5));
    let mut broken = None;
    let time = pace.timed(pace.many / 2, || match client.get("/healthz") {
        Ok(reply) if reply.status == 200 => {}
        Ok(reply) => broken = Some(format!("/healthz said {}", reply.status)),
        Err(error) => broken = Some(error.to_string()),
    });
    platform.stop().map_err(|error| error.to_string())?;
    broken.map_or(Ok(time), Err)
}

/// Overwrites a page of a file that has its blocks already, and waits for the disk: no less is durable.
fn durable(pace: Pace, folder: &Path) -> std::io::Result<f64> {
    let file: File = tempfile::tempfile_in(folder)?;
    let page = [1_u8; PAGE];
    for number in 0..PAGES {
        file.write_all_at(&page, number * PAGE as u64)?;
    }
    file.sync_all()?;
    let mut number = 0;
    let mut broken = None;
    let time = pace.timed(pace.few, || {
        let done = file
            .write_all_at(&page, number % PAGES * PAGE as u64)
            .and_then(|()| file.sync_data());
        number += 1;
        broken = broken.take().or(done.err());
    });
    broken.map_or(Ok(time), Err)
}

fn put(pace: Pace, folder: &Path) -> Result<f64, Problem> {
    let data = tempfile::tempdir_in(folder).map_err(said("a folder for a store"))?;
    let store = Embedded::open(data.path(), Settings::default()).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(said("a runtime"))?;
    let (mut number, mut broken) = (0, None);
    let time = pace.timed(pace.few, || {
        number += 1;
        let key = format!("request/{number:032x}");
        let put = runtime.block_on(store.put(&key, "x".repeat(MESSAGE), Precondition::Absent));
        broken = broken.take().or(put.err());
    });
    broken.map_or(Ok(time), |error| Err(error.to_string()))
}
