//! A fingerprint of everything that happened, and the events one per line for whoever wants to look.

use std::fmt::Write as _;

use tally_model::{Instant, Observation};

use crate::happening::{Happening, RoleEvent, Station};
use crate::timeline::Request;

/// Lines that wait to be taken at most; later ones are lost.
const LINES_MAX: usize = 2_000_000;

/// The fingerprint so far.
#[derive(Debug)]
pub(crate) struct Trace {
    words: [u64; 2],
    lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(lines: bool) -> Self {
        Self {
            words: [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344],
            lines: lines.then(Vec::new),
        }
    }

    /// Mixes in one word (multiply and rotate, as in FxHash, in two lanes); no defence against somebody who wants a collision.
    pub(crate) fn mix(&mut self, word: u64) {
        let [a, b] = &mut self.words;
        *a = (a.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        *b = (b.rotate_left(23) ^ *a).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn mix_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
        self.mix(bytes.len() as u64);
    }

    /// An entry of the agenda comes up.
    pub(crate) fn happening(&mut self, now: Instant, happening: &Happening) {
        self.mix(now.as_nanos());
        self.mix(kind(happening));
        if let Some(lines) = self.lines.as_mut().filter(|lines| lines.len() < LINES_MAX) {
            lines.push(line(now, happening));
        }
    }

    /// A request is over.
    pub(crate) fn outcome(&mut self, request: &Request) {
        self.mix(request.n);
        self.mix(u64::from(request.status));
        if let Some(answer) = &request.answer {
            self.mix_bytes(answer.outcome.to_string().as_bytes());
            self.mix(answer.folded.as_nanos());
        }
    }

    /// Something was observed.
    pub(crate) fn observation(&mut self, observation: &Observation) {
        self.mix(observation.at.as_nanos());
        self.mix(observation.step as u64);
        if let Some(lines) = self.lines.as_mut().filter(|lines| lines.len() < LINES_MAX) {
            let text = serde_json::to_string(observation).unwrap_or_default();
            lines.push(format!("{} observed {text}", stamp(observation.at)));
        }
    }

    /// 32 hexadecimal digits.
    pub(crate) fn hash(&self) -> String {
        format!("{:016x}{:016x}", self.words[0], self.words[1])
    }

    /// Takes the lines so far.
    pub(crate) fn take_lines(&mut self) -> Vec<String> {
        self.lines.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

/// A word that tells entries apart.
fn kind(happening: &Happening) -> u64 {
    match happening {
        Happening::Role(life, event) => 0x01 | u64::from(*life) << 8 | (event.role() as u64) << 40,
        Happening::Inward { packet, .. } => 0x02 | packet_kind(packet) << 8,
        Happening::Packet { to, packet, .. } => 0x03 | packet_kind(packet) << 8 | u64::from(to.0) << 16,
        Happening::Wake(Station::Role(role)) => 0x04 | (*role as u64) << 8,
        Happening::Wake(Station::Queue(queue)) => 0x05 | (queue.index() as u64) << 8,
        Happening::Wake(Station::Pod(pod)) => 0x06 | u64::from(pod.0) << 8,
        Happening::Port(life, role, _) => 0x07 | u64::from(*life) << 8 | (*role as u64) << 40,
        Happening::Serve(queue) => 0x08 | (queue.index() as u64) << 8,
        Happening::Feed(_, watch) => 0x09 | (*watch as u64) << 8,
        Happening::PodFeed(_) => 10,
        Happening::PodRuns(pod) => 0x0b | u64::from(pod.0) << 8,
        Happening::Dial(_, _, serial) => 0x0c | serial << 8,
        Happening::Lost(_, _, serial) => 0x0d | serial << 8,
        Happening::Probe(..) => 14,
        Happening::Describe(..) => 15,
        Happening::SpinDone(pod, _) => 0x10 | u64::from(pod.0) << 8,
        Happening::ControlUp(life) => 0x11 | u64::from(*life) << 8,
        Happening::Client(_) => 18,
        Happening::Knock(knock) => 0x13 | knock.n << 8,
        Happening::Reply(call, _) => 0x14 | call << 8,
        Happening::Late(queue, _) => 0x16 | (queue.index() as u64) << 8,
        Happening::Written(_, serial) => 0x17 | serial << 8,
        Happening::Flush(_, serial) => 0x18 | serial << 8,
        Happening::Hangup { to, .. } => 0x15 | u64::from(to.0) << 8,
    }
}

const fn packet_kind(packet: &tally_roles::packet::Packet) -> u64 {
    use tally_roles::packet::Packet;
    match packet {
        Packet::Configure(_) => 1,
        Packet::Assign(_) => 2,
        Packet::Busy(_) => 3,
        Packet::Done(_) => 4,
        Packet::Suspect(_) => 5,
        Packet::Set(_) => 6,
        Packet::Led(_) => 7,
    }
}

fn stamp(at: Instant) -> String {
    let nanos = at.as_nanos();
    format!(
        "{:>6}.{:06}",
        nanos / 1_000_000_000,
        nanos % 1_000_000_000 / 1_000
    )
}

/// One line: when, who, what; long contents are cut.
fn line(now: Instant, happening: &Happening) -> String {
    const LONGEST: usize = 240;
    let who = match happening {
        Happening::Role(_, event) => event.role().name().to_owned(),
        Happening::Wake(Station::Role(role)) | Happening::Port(_, role, _) => role.name().to_owned(),
        Happening::Inward { from, .. } => format!("{from} -> control"),
        Happening::Packet { to, from, .. } => format!("{from} -> pod {}", to.0),
        _ => String::new(),
    };
    let mut text = format!("{} {who}: ", stamp(now));
    let written = match happening {
        Happening::Role(_, RoleEvent::Gateway(event)) => write!(text, "{event:?}"),
        Happening::Role(_, RoleEvent::Scheduler(event)) => write!(text, "{event:?}"),
        Happening::Role(_, RoleEvent::Fleet(event)) => write!(text, "{event:?}"),
        Happening::Role(_, RoleEvent::Admin(event)) => write!(text, "{event:?}"),
        Happening::Role(_, RoleEvent::Autoscaler(event)) => write!(text, "{event:?}"),
        Happening::Inward { packet, .. } | Happening::Packet { packet, .. } => write!(text, "{packet:?}"),
        other => write!(text, "{other:?}"),
    };
    // Writing into a string does not fail.
    let _ = written;
    if text.len() > LONGEST {
        let end = (0..=LONGEST)
            .rev()
            .find(|&at| text.is_char_boundary(at))
            .unwrap_or(0);
        text.truncate(end);
        text.push_str(" ...");
    }
    text
}
