//! One thing that is done to a world, from when, and for how long.

use std::time::Duration;

use tally_model::{MemberRole, NodeId, PodPhase};
use tally_substrate::Weather;

use crate::coverage::Sometimes;
use crate::lies::Lie;
use crate::weather::PortWeather;
use crate::world::World;

/// What is done. Victims are drawn when it falls, from the pods that run then, by the word given here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    /// A pod is killed.
    Kill(u64),
    /// A replica that leads is killed.
    KillLeader(u64),
    /// A pod is stopped, and goes on at the end.
    Pause(u64),
    /// The control plane is killed; another follows by itself.
    KillControl,
    /// The control plane is stopped, and goes on at the end.
    PauseControl,
    /// What a node sends (bit 0), or what is sent to it (bit 1), is lost.
    Cut(u64, u8),
    /// What a node sends and is sent is held back until the end.
    Clog(u64),
    /// The weather on all links.
    Links(Weather),
    /// The weather at the ports.
    Ports(PortWeather),
    /// A replica lies for as long as it lives; at most f of a set.
    Lie(u64, Lie),
    /// A clock is moved by this many milliseconds; only the wall clock goes back.
    Clock(Clock, i32),
}

/// A clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// That of a pod that runs, by word.
    Pod(u64),
    /// That of the control plane.
    Control,
    /// The wall clock: whoever starts from now on begins with it.
    Wall,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Blow {
    /// Since the start of the load.
    pub at: Duration,
    /// How long.
    pub lasts: Duration,
    /// What.
    pub what: What,
}

/// How to undo a blow.
#[derive(Clone, Debug)]
pub(super) enum Undo {
    Nothing,
    Resume(String),
    ResumeControl,
    Mend(NodeId),
    Unclog(NodeId),
    Links,
    Ports,
}

impl std::fmt::Display for Blow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "at {:.3} s for {:.3} s: {:?}",
            self.at.as_secs_f64(),
            self.lasts.as_secs_f64(),
            self.what
        )
    }
}

/// A pod that runs, by word; the same word names the same pod in equal worlds.
fn victim(world: &World, word: u64, of: impl Fn(NodeId) -> bool) -> Option<(String, NodeId)> {
    let running: Vec<_> = world
        .pods()
        .filter(|pod| pod.phase == PodPhase::Running && of(pod.node))
        .map(|pod| (pod.name.clone(), pod.node))
        .collect();
    let place = (word % running.len().max(1) as u64) as usize;
    running.get(place).cloned()
}

impl World {
    /// Lets a blow fall; tells how to undo it.
    pub(super) fn strike(&mut self, what: What) -> Undo {
        let any = |_| true;
        match what {
            What::Kill(word) => {
                if let Some((name, _)) = victim(self, word, any) {
                    let _gone = self.kill(&name);
                }
                Undo::Nothing
            }
            What::KillLeader(word) => {
                let leads = |node| {
                    let mut sets = self.sets();
                    sets.any(|record| record.role_of(node) == Some(MemberRole::Leader))
                };
                if let Some((name, _)) = victim(self, word, leads) {
                    let _gone = self.kill(&name);
                }
                Undo::Nothing
            }
            What::Pause(word) => match victim(self, word, any) {
                Some((name, _)) if self.pause(&name).is_ok() => Undo::Resume(name),
                _ => Undo::Nothing,
            },
            What::KillControl => {
                self.kill_control();
                Undo::Nothing
            }
            What::PauseControl => {
                self.pause_control();
                Undo::ResumeControl
            }
            What::Cut(word, directions) => match victim(self, word, any) {
                Some((_, node)) => {
                    self.isolate(node, directions);
                    if directions != 3 && self.open_requests() > 0 {
                        self.hit(Sometimes::OneWayCut);
                    }
                    Undo::Mend(node)
                }
                None => Undo::Nothing,
            },
            What::Clog(word) => match victim(self, word, any) {
                Some((_, node)) => {
                    self.clog(node, true);
                    Undo::Unclog(node)
                }
                None => Undo::Nothing,
            },
            What::Links(weather) => {
                self.link().weather = weather;
                Undo::Links
            }
            What::Ports(weather) => {
                self.set_port_weather(weather);
                Undo::Ports
            }
            What::Lie(word, lie) => {
                self.suborn(word, lie);
                Undo::Nothing
            }
            What::Clock(clock, millis) => {
                self.move_clock(clock, millis);
                Undo::Nothing
            }
        }
    }

    /// Moves a clock; what it missed or saw twice stays so.
    fn move_clock(&mut self, clock: Clock, millis: i32) {
        let by = Duration::from_millis(u64::from(millis.unsigned_abs()));
        match clock {
            Clock::Pod(word) => {
                if let Some((name, _)) = victim(self, word, |_| true) {
                    let _gone = self.step_clock(&name, by);
                }
            }
            Clock::Control => self.step_control_clock(by),
            Clock::Wall if millis < 0 => self.set_wall_clock(self.wall_clock().saturating_sub(by)),
            Clock::Wall => self.set_wall_clock(self.wall_clock() + by),
        }
    }

    /// Cuts a node off from everybody, in one direction or both.
    fn isolate(&mut self, node: NodeId, directions: u8) {
        let others: Vec<NodeId> = self.pods().map(|pod| pod.node).chain([NodeId::Control]).collect();
        for other in others.into_iter().filter(|other| *other != node) {
            if directions & 1 != 0 {
                self.cut(node, other, true);
            }
            if directions & 2 != 0 {
                self.cut(other, node, true);
            }
        }
    }

    /// Makes a member lie, if its set has not as many liars as it can bear.
    fn suborn(&mut self, word: u64, lie: Lie) {
        let wanted = |node: NodeId| match (node, lie) {
            (NodeId::Worker(_), Lie::Tamper) => true,
            (NodeId::Replica(..), Lie::Tamper) => false,
            (NodeId::Replica(..), _) => true,
            _ => false,
        };
        let Some((name, node)) = victim(self, word, wanted) else {
            return;
        };
        let liars = self
            .pods
            .iter()
            .filter(|pod| pod.alive && pod.liar.is_some() && pod.node.set() == node.set())
            .filter(|pod| matches!(pod.node, NodeId::Replica(..)))
            .count();
        if liars < usize::from(self.config.faulty()) || lie == Lie::Tamper {
            let _gone = self.corrupt(&name, lie);
        }
    }

    /// Takes a blow back.
    pub(super) fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Nothing => {}
            Undo::Resume(name) => {
                // Replaced meanwhile: its pause is gone with it.
                let _gone = self.resume(&name);
            }
            Undo::ResumeControl => self.resume_control(),
            Undo::Mend(node) => {
                self.link().mend_all_of(node);
                if self.open_requests() > 0 {
                    self.hit(Sometimes::PartitionHealed);
                }
            }
            Undo::Unclog(node) => self.clog(node, false),
            Undo::Links => {
                let calm = Weather::calm(self.costs.hop);
                self.link().weather = calm;
            }
            Undo::Ports => self.set_port_weather(PortWeather::default()),
        }
    }
}
