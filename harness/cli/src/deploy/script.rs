//! A program of others: run with its progress shown, its last words kept for the case that it fails.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::output::Progress;

/// Lines of a failed program that are told.
const LAST_WORDS: usize = 12;

/// See the module.
#[derive(Debug)]
pub(super) struct Script {
    program: PathBuf,
    arguments: Vec<String>,
}

impl Script {
    pub(super) const fn new(program: PathBuf) -> Self {
        Self {
            program,
            arguments: Vec::new(),
        }
    }

    pub(super) fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    fn name(&self) -> String {
        let program = self.program.file_name().unwrap_or(self.program.as_os_str());
        format!("{} {}", program.to_string_lossy(), self.arguments.join(" "))
    }

    /// Runs it, shows what it says, and returns its standard output.
    pub(super) fn run(self, progress: &mut Progress) -> Result<String, String> {
        progress.step(&self.name());
        self.perform(&mut |line| progress.tick(line))
    }

    /// Runs it and returns its standard output.
    pub(super) fn quiet(self) -> Result<String, String> {
        self.perform(&mut |_| {})
    }

    fn perform(self, tell: &mut dyn FnMut(&str)) -> Result<String, String> {
        let name = self.name();
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        // Read on a thread of its own, or a full pipe would stop the program.
        let output = child.stdout.take().map(|mut pipe| {
            std::thread::spawn(move || {
                let mut text = String::new();
                pipe.read_to_string(&mut text).map(|_| text).unwrap_or_default()
            })
        });
        let mut last = VecDeque::new();
        for line in child
            .stderr
            .take()
            .into_iter()
            .flat_map(|pipe| BufReader::new(pipe).lines())
        {
            let Ok(line) = line else { break };
            tell(&line);
            last.push_back(line);
            if last.len() > LAST_WORDS {
                last.pop_front();
            }
        }
        let status = child.wait().map_err(|error| format!("{name}: {error}"))?;
        let text = output.and_then(|thread| thread.join().ok()).unwrap_or_default();
        if status.success() {
            return Ok(text);
        }
        let last: Vec<String> = last.into();
        Err(format!("{name} failed ({status}):\n  {}", last.join("\n  ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<String, String> {
        Script::new("sh".into()).args(["-c", script]).quiet()
    }

    /// What a program prints comes back; what a failed one said last is told, with its exit code.
    #[test]
    fn a_failed_program_has_the_last_word() {
        assert_eq!(shell("echo yes; echo no >&2").unwrap(), "yes\n");
        let told = shell("echo a reason >&2; exit 5").unwrap_err();
        assert!(told.contains("a reason") && told.contains('5'), "{told}");
        assert!(Script::new("/nonexistent".into()).quiet().is_err());
    }
}
