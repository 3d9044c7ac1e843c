//! A layer as a queue with several servers: how long tasks take when so many sets serve it.
//!
//! GI/G/c with one FIFO queue. Waiting is Erlang C for M/M/c, scaled by the variability of arrivals and service (Allen and
//! Cunneen); its tail is taken to be exponential. Exact for M/M/c, an approximation of some ten percent elsewhere.

/// What a layer is asked for and how long its tasks take. All times in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Station {
    /// Tasks per second, at least 0.
    pub rate: f64,
    /// Mean service time of a set, above 0.
    pub service: f64,
    /// What a task takes besides waiting and service, at least 0: queues, network, agreement.
    pub path: f64,
    /// Squared coefficient of variation of the times between arrivals, at least 0; 1 if they are independent.
    pub arrival_variation: f64,
    /// Squared coefficient of variation of the service times, at least 0; 1 if they are exponential.
    pub service_variation: f64,
}

/// Probability that a task finds all of `servers` lines busy and is lost, at an offered load of `load` Erlang.
///
/// By the recursion B(0) = 1, B(k) = a B(k-1) / (k + a B(k-1)), which neither overflows nor cancels.
pub fn erlang_b(servers: u32, load: f64) -> f64 {
    (1..=servers).fold(1.0, |lost, k| {
        let busy = load * lost;
        busy / (f64::from(k) + busy)
    })
}

/// Probability that a task has to wait for one of `servers`, at an offered load of `load` Erlang; 1 where the queue grows
/// without end.
pub fn erlang_c(servers: u32, load: f64) -> f64 {
    let share = load / f64::from(servers);
    if servers == 0 || share >= 1.0 {
        return 1.0;
    }
    let lost = erlang_b(servers, load);
    lost / (1.0 - share * (1.0 - lost))
}

impl Station {
    /// Offered load in Erlang: sets that are busy on average.
    pub fn load(&self) -> f64 {
        self.rate * self.service
    }

    /// Half the sum of both variations: 1 for M/M/c.
    fn variability(&self) -> f64 {
        f64::midpoint(self.arrival_variation, self.service_variation)
    }

    /// Mean time that tasks wait for one of `servers`; infinite if there are too few.
    pub fn waiting(&self, servers: u32) -> f64 {
        let spare = f64::from(servers) - self.load();
        if spare <= 0.0 {
            return f64::INFINITY;
        }
        self.variability() * erlang_c(servers, self.load()) * self.service / spare
    }

    /// Mean time from ready to answered; infinite if there are too few servers.
    pub fn response(&self, servers: u32) -> f64 {
        self.path + self.service + self.waiting(servers)
    }

    /// Share of the tasks that take longer than `limit` from ready to answered.
    ///
    /// Waiting: none with probability 1 - C, else exponential with mean v S / (c - a). Service, by its two moments: a
    /// constant plus an exponential below a variation of 1, a mixture of two exponentials with balanced means above.
    pub fn later_than(&self, limit: f64, servers: u32) -> f64 {
        let left = limit - self.path;
        let spare = f64::from(servers) - self.load();
        if left <= 0.0 || spare <= 0.0 {
            return 1.0;
        }
        let waits = erlang_c(servers, self.load());
        let wait_rate = spare / (self.variability() * self.service);
        let variation = self.service_variation;
        if variation <= 1.0 {
            let spread = variation.sqrt();
            let constant = self.service * (1.0 - spread);
            return sum_tail(left - constant, self.service * spread, waits, wait_rate);
        }
        let lean = ((variation - 1.0) / (variation + 1.0)).sqrt();
        let share = f64::midpoint(1.0, lean);
        let part = |share: f64| share * sum_tail(left, self.service / (2.0 * share), waits, wait_rate);
        part(share) + part(1.0 - share)
    }
}

/// P(S + W > t): S exponential with this mean, W zero with probability `1 - waits` and else exponential with `wait_rate`.
fn sum_tail(t: f64, mean: f64, waits: f64, wait_rate: f64) -> f64 {
    if t <= 0.0 {
        return 1.0;
    }
    if !wait_rate.is_finite() {
        return if mean > 0.0 { (-t / mean).exp() } else { 0.0 };
    }
    if mean <= 0.0 {
        return waits * (-wait_rate * t).exp();
    }
    let own = (-t / mean).exp();
    // Both rates in units of the service rate; where they meet, the limit.
    let difference = wait_rate * mean - 1.0;
    let both = if difference.abs() < 1e-9 {
        t / mean * own
    } else {
        (own - (-wait_rate * t).exp()) / difference
    };
    (waits * both + own).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exponential(rate: f64, service: f64) -> Station {
        Station {
            rate,
            service,
            path: 0.0,
            arrival_variation: 1.0,
            service_variation: 1.0,
        }
    }

    /// Values of the published tables of Erlang's formulas.
    #[test]
    fn erlang_formulas_give_their_tables() {
        for (servers, load, lost) in [
            (1, 1.0, 0.5),
            (2, 1.0, 0.2),
            (5, 3.0, 0.110_05),
            (10, 5.0, 0.018_385),
            (20, 15.0, 0.045_593),
            (100, 84.064, 0.010),
        ] {
            let got = erlang_b(servers, load);
            assert!((got - lost).abs() < 5e-5, "B({servers}, {load}) = {got}");
        }
        for (servers, load, waits) in [
            (1, 0.5, 0.5),
            (2, 1.0, 1.0 / 3.0),
            (4, 3.2, 0.596_4),
            (5, 3.0, 0.236_15),
            (10, 8.0, 0.409_18),
        ] {
            let got = erlang_c(servers, load);
            assert!((got - waits).abs() < 5e-5, "C({servers}, {load}) = {got}");
        }
        assert_eq!(erlang_c(3, 3.0), 1.0);
        assert_eq!(erlang_c(0, 0.5), 1.0);
    }

    /// M/M/4 at 160/s and 20 ms: the tail of the sojourn time where 6,000 simulated seconds gave 0.6099, 0.2402, 0.0845
    /// and 0.0195.
    #[test]
    fn the_tail_of_the_sojourn_time_is_that_of_a_simulation() {
        let station = exponential(160.0, 0.020);
        for (millis, simulated) in [(20.0, 0.6099), (50.0, 0.2402), (80.0, 0.0845), (120.0, 0.0195)] {
            let got = station.later_than(millis / 1000.0, 4);
            assert!(
                (got - simulated).abs() < 0.002,
                "{millis} ms: {got}, simulated {simulated}"
            );
        }
    }

    /// One server: mean response of M/M/1 is S/(1 - rho), waiting of M/D/1 is half of that of M/M/1.
    #[test]
    fn one_server_gives_the_closed_forms() {
        let station = exponential(40.0, 0.020);
        assert!((station.response(1) - 0.1).abs() < 1e-9);
        let fixed = Station {
            service_variation: 0.0,
            ..station
        };
        assert!((fixed.waiting(1) - station.waiting(1) / 2.0).abs() < 1e-9);
        // P(R > t) of M/M/1 is exp(-(mu - lambda) t).
        assert!((station.later_than(0.1, 1) - (-1.0_f64).exp()).abs() < 1e-9);
    }

    proptest! {
        /// One server more never makes tasks later, whatever the station; too few servers make all of them late.
        #[test]
        fn more_servers_are_never_slower(
            rate in 0.0..500.0_f64, service in 0.000_1..0.5_f64, path in 0.0..0.1_f64,
            arrivals in 0.0..10.0_f64, variation in 0.0..10.0_f64, limit in 0.001..2.0_f64,
        ) {
            let station = Station { rate, service, path, arrival_variation: arrivals, service_variation: variation };
            let mut last = (f64::INFINITY, 1.0);
            for servers in 1..80 {
                let now = (station.waiting(servers), station.later_than(limit, servers));
                prop_assert!(now.0 <= last.0 && now.1 <= last.1 + 1e-12, "{servers}: {now:?} after {last:?}");
                prop_assert!((0.0..=1.0).contains(&now.1));
                if f64::from(servers) <= station.load() {
                    prop_assert_eq!(now.1, 1.0);
                }
                last = now;
            }
        }
    }
}
