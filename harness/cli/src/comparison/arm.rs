//! Arms: what `--against hpa,protocol=none` names.

use tally_capture::ArmRecord;
use tally_model::Scaler;

use crate::run::Target;

/// A baseline with a name of its own, which is no scaler.
struct Baseline {
    name: &'static str,
    /// Values of the experiment that it changes, as for `--set`. Baselines are plain pods.
    changes: &'static [(&'static str, &'static str)],
    /// What needs a cluster is objects of one: what they are, and what stands in for them elsewhere.
    cluster: Option<(&'static str, &'static str)>,
    /// Why no arm beside it has replicas that does not ask for them; none if what it is compared with may have them.
    plain: Option<&'static str>,
}

const HPA: (&str, &str) = (
    "a live HorizontalPodAutoscaler",
    "or compare with `hpa`, its model",
);
const HPA_IS_PLAIN: &str = "the pods of a live HorizontalPodAutoscaler have no replicas";
const PLAIN_PODS: (&str, &str) = ("platform.protocol", "none");
/// Plain pods that somebody else scales; the platform's own policy only looks on, because nobody acts on what it wants.
const LIVE: &[(&str, &str)] = &[PLAIN_PODS, ("platform.scaler", "fixed-1")];

const BASELINES: [Baseline; 4] = [
    Baseline {
        name: "hpa-cpu",
        changes: LIVE,
        cluster: Some(HPA),
        plain: Some(HPA_IS_PLAIN),
    },
    Baseline {
        name: "hpa-queue",
        changes: LIVE,
        cluster: Some(HPA),
        plain: Some(HPA_IS_PLAIN),
    },
    Baseline {
        name: "kubelet",
        changes: LIVE,
        cluster: Some((
            "recovery by the kubelet's restarts",
            "nothing stands in for it here",
        )),
        plain: None,
    },
    Baseline {
        name: "whole",
        changes: &[PLAIN_PODS, ("platform.dispatch", "whole")],
        cluster: None,
        plain: Some("one worker computes a whole expression, without replicas"),
    },
];
/// The most arms of one comparison.
const MOST: usize = 20;
/// The longest label.
const LONGEST: usize = 40;

/// One arm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arm {
    /// As it was written; the file's own settings have the name of their scaler.
    pub(crate) label: String,
    /// Values of the experiment that are changed, as for `--set`; none for the file's own settings.
    pub(crate) changes: Vec<(String, String)>,
    /// Played in virtual time, whatever the target of the others.
    pub(crate) is_simulated: bool,
}

impl Arm {
    /// The file's own settings, known by their scaler.
    pub(crate) const fn own(scaler: String) -> Self {
        Self {
            label: scaler,
            changes: Vec::new(),
            is_simulated: false,
        }
    }

    /// `hpa` changes the scaler, `whole` and other baselines several values, `protocol=none` what it says, `sim` plays it in virtual
    /// time, and `+` joins several. Whether the values mean anything is left to the reader of the experiment.
    fn parse(text: &str, target: &str) -> Result<Self, Problem> {
        let label = text.trim().to_owned();
        if label.is_empty() || label.chars().count() > LONGEST {
            let help = format!(
                "write names of 1 to {LONGEST} letters with a comma between them: `--against hpa,fixed-4`"
            );
            return Err(Problem::new(
                format!("`{}` is not an arm", label.escape_debug()),
                help,
            ));
        }
        let (mut changes, mut is_simulated) = (Vec::new(), false);
        for part in label.split('+').map(str::trim) {
            if let Some(baseline) = baseline(part) {
                baseline.must_fit(target)?;
                let changed = baseline.changes.iter();
                changes.extend(changed.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
                continue;
            }
            if part == Target::Sim.name() {
                is_simulated = true;
                continue;
            }
            changes.push(match part.split_once('=') {
                Some((key, value)) => (format!("platform.{}", key.trim()), value.trim().to_owned()),
                None => ("platform.scaler".to_owned(), part.to_owned()),
            });
        }
        Ok(Self {
            label,
            changes,
            is_simulated,
        })
    }

    /// Without replicas, unless the arm says what certifies its answers.
    pub(crate) fn without_replicas(mut self) -> Self {
        let (key, value) = PLAIN_PODS;
        if self.changes.iter().all(|(changed, _)| changed != key) {
            self.changes.push((key.to_owned(), value.to_owned()));
        }
        self
    }

    /// The kubelet keeps as many pods as there are: beside sets of a fixed number, as many.
    pub(crate) fn keeping(mut self, own: Scaler) -> Self {
        let is_kept = self.label.split('+').any(|part| part.trim() == "kubelet");
        if is_kept && matches!(own, Scaler::Fixed(_)) {
            let scaler = self.changes.iter_mut().filter(|(key, _)| key == LIVE[1].0);
            scaler.for_each(|(_, value)| *value = own.to_string());
        }
        self
    }

    /// Why nobody beside it has replicas, if it is a baseline of plain pods that asks for that.
    pub(crate) fn plain(&self) -> Option<&'static str> {
        let parts = self.label.split('+').map(str::trim);
        parts.filter_map(baseline).find_map(|baseline| baseline.plain)
    }

    /// Whether a live HorizontalPodAutoscaler scales it.
    pub(crate) fn is_live(&self) -> bool {
        let mut baselines = self.label.split('+').map(str::trim).filter_map(baseline);
        baselines.any(|baseline| baseline.cluster == Some(HPA))
    }

    /// All of `--against`, in order.
    ///
    /// # Errors
    /// Every problem of the list at once.
    pub(crate) fn parse_all(list: &[String], target: &str) -> Result<Vec<Self>, Vec<Problem>> {
        let (mut arms, mut problems) = (Vec::<Self>::new(), Vec::new());
        for text in list {
            match Self::parse(text, target) {
                Ok(arm) if arms.iter().any(|known| known.label == arm.label) => problems.push(Problem::new(
                    format!("arm `{}` is named twice", arm.label),
                    "an arm against itself needs two names; leave one out".to_owned(),
                )),
                Ok(arm) => arms.push(arm),
                Err(problem) => problems.push(problem),
            }
        }
        if arms.len() > MOST {
            problems.push(Problem::new(
                format!("{} arms are too many to be played side by side", arms.len()),
                format!("name at most {MOST}; `tally compare` takes any number of stored runs"),
            ));
        }
        if problems.is_empty() {
            Ok(arms)
        } else {
            Err(problems)
        }
    }

    /// Its entry in the record, with a folder that no arm in `taken` has.
    pub(crate) fn record(&self, taken: &[ArmRecord]) -> ArmRecord {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        };
        let base: String = self.label.chars().map(plain).take(32).collect();
        let base = match base.trim_matches('-') {
            "" | "latest" => "arm",
            name => name,
        };
        let free = |folder: &String| taken.iter().all(|arm| arm.folder != *folder);
        let numbered = (2..).map(|number| format!("{base}-{number}"));
        let folder = std::iter::once(base.to_owned()).chain(numbered).find(free);
        ArmRecord {
            label: self.label.clone(),
            folder: folder.unwrap_or_default(),
            changes: self.changes.clone(),
        }
    }
}

fn baseline(name: &str) -> Option<&'static Baseline> {
    BASELINES.iter().find(|baseline| baseline.name == name)
}

impl Baseline {
    /// Refuses it where there is nothing to play it on.
    fn must_fit(&self, target: &str) -> Result<(), Problem> {
        match self.cluster {
            Some((what, instead)) if !matches!(target, "kind" | "kube") => Err(Problem::new(
                format!(
                    "arm `{}` is {what} and needs a cluster; the target is `{target}`",
                    self.name
                ),
                format!("run it with `--target kind`, {instead}"),
            )),
            _ => Ok(()),
        }
    }
}

/// What is wrong with a list of arms, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) message: String,
    pub(crate) help: String,
}

impl Problem {
    const fn new(message: String, help: String) -> Self {
        Self { message, help }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(list: &str, target: &str) -> Result<Vec<Arm>, Vec<String>> {
        let list: Vec<String> = list.split(',').map(str::to_owned).collect();
        let words = |problems: Vec<Problem>| problems.into_iter().map(|problem| problem.message).collect();
        Arm::parse_all(&list, target).map_err(words)
    }

    /// A name changes the scaler, an equation its key, a sum several.
    #[test]
    fn an_arm_is_a_change_of_the_experiment() {
        let arms = parse("hpa,protocol=none, fixed-4+replicas=7", "local").unwrap();
        let shown: Vec<String> = arms
            .iter()
            .map(|arm| {
                let changes = arm.changes.iter().map(|(key, value)| format!("{key}={value}"));
                format!("{}: {}", arm.label, changes.collect::<Vec<_>>().join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "hpa: platform.scaler=hpa",
                "protocol=none: platform.protocol=none",
                "fixed-4+replicas=7: platform.scaler=fixed-4 platform.replicas=7",
            ]
        );
    }

    /// Arms of a cluster are refused where there is none, with the reason, and all problems are told at once.
    #[test]
    fn every_problem_is_told_at_once() {
        let problems = parse("hpa-cpu,,hpa,hpa,kubelet", "local").unwrap_err();
        assert_eq!(
            problems,
            [
                "arm `hpa-cpu` is a live HorizontalPodAutoscaler and needs a cluster; the target is `local`",
                "`` is not an arm",
                "arm `hpa` is named twice",
                "arm `kubelet` is recovery by the kubelet's restarts and needs a cluster; the target is `local`",
            ]
        );
        assert!(parse("hpa-cpu,hpa-queue", "kind").is_ok());
        let many: Vec<String> = (1..=MOST + 1).map(|n| format!("fixed-{n}")).collect();
        assert!(parse(&many.join(","), "local").is_err());
    }

    /// Whole expressions need no cluster, and can be joined with a scaler or with virtual time.
    #[test]
    fn whole_expressions_are_an_arm_everywhere() {
        for target in ["local", "kind", "kube", "sim"] {
            let arms = parse("whole,kalman+whole,sim+whole", target).unwrap();
            let shown: Vec<String> = arms[0].changes.iter().map(|(k, v)| format!("{k}={v}")).collect();
            assert_eq!(shown, ["platform.protocol=none", "platform.dispatch=whole"]);
            assert!(arms.iter().all(|arm| arm.changes.ends_with(&arms[0].changes)));
            assert!(arms[2].is_simulated);
        }
    }

    /// Beside baselines of plain pods nobody has replicas but who says so.
    #[test]
    fn an_arm_keeps_the_protocol_that_it_names() {
        let arms = parse("hpa-queue,kalman,kalman+protocol=vote", "kind").unwrap();
        let plain: Vec<bool> = arms.iter().map(|arm| arm.plain().is_some()).collect();
        assert_eq!(plain, [true, false, false]);
        let plain = |list: &str| {
            parse(list, "kind")
                .unwrap()
                .iter()
                .all(|arm| arm.plain().is_some())
        };
        assert!(plain("hpa-cpu,whole,kalman + whole"));
        assert!(!plain("kubelet"), "what it is compared with may have replicas");
        let protocol = |arm: Arm| {
            let changes = arm.without_replicas().changes;
            let protocols = changes.into_iter().filter(|(key, _)| key == "platform.protocol");
            protocols.map(|(_, value)| value).collect::<Vec<_>>()
        };
        let protocols: Vec<_> = arms.into_iter().map(protocol).collect();
        assert_eq!(protocols, [["none"], ["none"], ["vote"]]);
    }

    /// As many pods for the kubelet to restart as the policy beside it keeps, if that is a number.
    #[test]
    fn the_kubelet_keeps_as_many_as_the_policy_beside_it() {
        let scaler = |own| {
            let kubelet = parse("kubelet", "kind").unwrap().remove(0).keeping(own);
            let scalers = kubelet
                .changes
                .into_iter()
                .filter(|(key, _)| key == "platform.scaler");
            scalers.map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert_eq!(scaler(Scaler::Fixed(2)), ["fixed-2"]);
        assert_eq!(scaler(Scaler::Threshold), ["fixed-1"]);
        let other = parse("hpa", "kind").unwrap().remove(0);
        assert_eq!(other.clone().keeping(Scaler::Fixed(2)), other);
    }

    /// Folders are names that a run directory accepts, and no two arms share one.
    #[test]
    fn folders_are_plain_and_distinct() {
        let mut taken = Vec::new();
        for label in ["protocol=none", "protocol none", "..", "latest", "Fixed-4"] {
            let arm = Arm::own(label.to_owned()).record(&taken);
            taken.push(arm);
        }
        let folders: Vec<&str> = taken.iter().map(|arm| arm.folder.as_str()).collect();
        assert_eq!(
            folders,
            ["protocol-none", "protocol-none-2", "arm", "arm-2", "fixed-4"]
        );
    }
}
