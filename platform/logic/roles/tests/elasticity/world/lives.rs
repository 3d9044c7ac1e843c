//! Deaths and new lives.

use std::time::Duration;

use rand::RngExt;
use tally_model::{Pod, PodPhase};
use tally_roles::{admin, autoscaler, fleet};

use super::{Happening, Role, World};

impl World {
    /// Kills the fleet and starts another after a while. What it had asked for has happened or not; no answer arrives; a pod
    /// may come and go unseen.
    pub(crate) fn restart_fleet(&mut self) {
        let life = self.life(Role::Fleet);
        self.lives[Role::Fleet as usize] += 1;
        let keys: Vec<_> = self.agenda.keys().copied().collect();
        for key in keys {
            if matches!(self.agenda[&key], Happening::Effect(Role::Fleet, of, _) if of == life)
                && let Some(Happening::Effect(_, _, command)) = self.agenda.remove(&key)
                && self.chance(50)
            {
                self.effect(Role::Fleet, life, command);
            }
        }
        self.fleet = fleet::Fleet::new(&self.config, "{}".to_owned());
        let downtime = self.rng.random_range(0..100);
        self.fleet_up = self.now + Duration::from_millis(downtime);
        let starting = |pod: &Pod| pod.phase == PodPhase::Starting;
        if let Some(pod) = self.pods.all().into_iter().find(starting)
            && self.chance(50)
        {
            self.kill(&pod.name);
        }
    }

    /// Kills the autoscaler and starts another.
    pub(crate) fn restart_autoscaler(&mut self) {
        self.lives[Role::Autoscaler as usize] += 1;
        self.autoscaler = autoscaler::Autoscaler::new(&self.config);
    }

    /// Kills the admin and starts another.
    pub(crate) fn restart_admin(&mut self) {
        self.lives[Role::Admin as usize] += 1;
        self.admin = admin::Admin::new(&self.config);
    }

    /// Ends a pod from outside, as a crash does.
    pub(crate) fn kill(&mut self, name: &str) {
        self.pods.end(name);
        self.pods_changed();
    }
}
