//! Which Kubernetes is modelled, where versions decide differently.

/// A range of versions that decide alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compat {
    /// 1.20.
    V1_20,
    /// 1.28 to 1.36: as now, but a target at zero replicas is scaled if and only if the minimum is zero.
    V1_28,
    /// 1.37: scaling to and from zero is on, and remembered in the condition `ScaledToZero`.
    #[default]
    V1_37,
}

impl Compat {
    /// The names that [`Compat::parse`] knows, for messages.
    pub const NAMES: &'static str = "1.20, 1.28 to 1.37";

    /// From a version such as `1.20`, `v1.20.2` or, as vendors write it, `v1.31.4-eks-2d5f260`; none if it is not modelled.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.split(['-', '+']).next()?;
        let mut parts = plain.strip_prefix('v').unwrap_or(plain).split('.');
        let major: u32 = parts.next()?.parse().ok()?;
        let minor: u32 = parts.next()?.parse().ok()?;
        let patch: Option<u32> = parts.next().map(str::parse).transpose().ok()?;
        if major != 1 || parts.next().is_some() || patch.is_some_and(|patch| patch > 99) {
            return None;
        }
        match minor {
            20 => Some(Self::V1_20),
            28..=36 => Some(Self::V1_28),
            37 => Some(Self::V1_37),
            _ => None,
        }
    }

    /// 1.20 looked at the stabilisation window of the current direction only, and at scale events of it only.
    pub(super) const fn looks_both_ways(self) -> bool {
        !matches!(self, Self::V1_20)
    }

    /// 1.20 scaled down although a metric was invalid, as long as another was valid.
    pub(super) const fn holds_on_any_invalid(self) -> bool {
        !matches!(self, Self::V1_20)
    }

    /// 1.20 took missing pods to use all of their request on the way down, even if the target was more than that.
    pub(super) const fn assumes_the_target(self) -> bool {
        !matches!(self, Self::V1_20)
    }

    /// 1.20 let the number of samples turn the direction after missing pods were filled in.
    pub(super) const fn guards_direction(self) -> bool {
        !matches!(self, Self::V1_20)
    }

    /// 1.20 counted missing pods as zero even where an average was exactly on its target.
    pub(super) const fn leaves_out_missing_on_target(self) -> bool {
        !matches!(self, Self::V1_20)
    }

    /// 1.20 compared `|1 - ratio|` with one tolerance; later versions test a closed interval.
    pub(super) const fn has_tolerance_interval(self) -> bool {
        !matches!(self, Self::V1_20)
    }

    /// 1.20 did not notice that several autoscalers selected the same pods.
    pub(super) const fn detects_ambiguity(self) -> bool {
        !matches!(self, Self::V1_20)
    }

    /// Since 1.37 only a target that the autoscaler itself has scaled to zero is scaled from zero.
    pub(super) const fn remembers_zero(self) -> bool {
        matches!(self, Self::V1_37)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A version is known by its first two numbers, whatever a vendor writes behind the third.
    #[test]
    fn versions_of_vendors_are_known() {
        for (text, compat) in [
            ("1.20", Some(Compat::V1_20)),
            ("v1.20.2", Some(Compat::V1_20)),
            ("v1.31.4-eks-2d5f260", Some(Compat::V1_28)),
            ("v1.28.5+k3s1", Some(Compat::V1_28)),
            ("v1.24.1", None),
            ("v1.31.x", None),
            ("-eks", None),
            ("", None),
        ] {
            assert_eq!(Compat::parse(text), compat, "{text}");
        }
    }
}
