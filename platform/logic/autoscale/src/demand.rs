//! From what a layer will be asked for to the fewest sets that do it in time.

use crate::station::Station;

/// Share of its time that a set may be busy.
const BUSIEST: f64 = 0.95;
/// Share of the tasks that may take longer than the objective.
const LATE: f64 = 0.05;
/// What a set more must better at least to count, where the service times alone are longer than the objective.
const NOTICEABLE: f64 = 0.01;

/// What will be asked of a layer, and when it is good enough. Seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Demand {
    /// What is asked.
    pub(crate) station: Station,
    /// What 95 % of the tasks may take from ready to answered.
    pub(crate) objective: f64,
    /// Tasks that will wait already when new sets are ready.
    pub(crate) backlog: f64,
    /// How long the backlog may last then.
    pub(crate) drain: f64,
}

impl Demand {
    /// The fewest sets from `min` to `max` that are enough, or none if `max` is not. What is enough stays enough with one
    /// set more.
    pub(crate) fn fewest(&self, min: u32, max: u32) -> Option<u32> {
        let least = self.station.load() / BUSIEST;
        let first = (least.ceil().max(f64::from(min)) as u32).min(max);
        (first..=max).find(|&sets| self.is_met_by(sets))
    }

    /// Busy enough, quick enough, and done with what waits soon enough.
    pub(crate) fn is_met_by(&self, sets: u32) -> bool {
        let (station, count) = (&self.station, f64::from(sets));
        let spare = count - station.load();
        if station.load() > BUSIEST * count || (sets == 0 && self.backlog > 0.0) {
            return false;
        }
        if station.rate == 0.0 && self.backlog <= 0.0 {
            return true;
        }
        // What no number of sets could better does not count.
        let alone = Station {
            rate: 0.0,
            ..*station
        }
        .later_than(self.objective, 1);
        let allowed = LATE.max(alone + NOTICEABLE);
        let drains = self.backlog <= 0.0 || self.backlog * station.service <= self.drain * spare;
        drains && station.later_than(self.objective, sets) <= allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn demand(rate: f64, service: f64, backlog: f64) -> Demand {
        Demand {
            station: Station {
                rate,
                service,
                path: 0.005,
                arrival_variation: 1.0,
                service_variation: 1.0,
            },
            objective: 0.5,
            backlog,
            drain: 2.0,
        }
    }

    /// The fewest sets are those of the load, of the objective or of the backlog, whichever asks for most.
    #[test]
    fn the_fewest_sets_follow_from_load_objective_and_backlog() {
        assert_eq!(demand(0.0, 0.02, 0.0).fewest(1, 8), Some(1));
        assert_eq!(demand(0.0, 0.02, 0.0).fewest(0, 8), Some(0));
        // 2 Erlang: 3 sets are busy for two thirds of their time, and quick enough.
        assert_eq!(demand(100.0, 0.02, 0.0).fewest(1, 64), Some(3));
        // 300 tasks of 20 ms are 6 s of work; in 2 s beside 2 Erlang that takes 5.
        assert_eq!(demand(100.0, 0.02, 300.0).fewest(1, 64), Some(5));
        assert_eq!(demand(1_000.0, 0.02, 0.0).fewest(1, 8), None);
        // Tasks of a second cannot be answered in half of one: that is no reason to take all sets.
        assert_eq!(
            demand(1.0, 1.0, 0.0).fewest(1, 64).filter(|sets| *sets < 10),
            demand(1.0, 1.0, 0.0).fewest(1, 64)
        );
    }

    proptest! {
        /// Enough stays enough: feasibility is monotone in the number of sets, and the fewest are where it begins.
        #[test]
        fn what_is_enough_stays_enough(
            rate in 0.0..400.0_f64, service in 0.001..0.5_f64, backlog in 0.0..500.0_f64,
            objective in 0.01..3.0_f64, variation in 0.0..10.0_f64, min in 0..4_u32,
        ) {
            let mut demand = demand(rate, service, backlog);
            demand.objective = objective;
            demand.station.service_variation = variation;
            let met: Vec<bool> = (0..=64).map(|sets| demand.is_met_by(sets)).collect();
            prop_assert!(met.is_sorted(), "{met:?}");
            let first = (min..=64).find(|sets| met[*sets as usize]);
            prop_assert_eq!(demand.fewest(min, 64), first);
        }
    }
}
