//! `tally init [DIR]`: something to start from.

use std::path::Path;

use serde_json::json;

use crate::args::Init;
use crate::exit::Exit;
use crate::output::Output;

/// A CI job that runs every experiment of the folder.
const CI: &str = "\
# A job that fails when an experiment does not pass. Exit codes: 1 fail, 3 inconclusive, 4 unsafe (`tally --help`).
tally doctor
tally validate *.toml
tally run *.toml
";

/// Writes the templates, the schema and a CI snippet; existing files are left alone unless forced.
pub(crate) fn run(args: &Init, output: &Output) -> Exit {
    let templates = tally_plan::templates();
    if args.list {
        for (name, source) in templates {
            let title = source
                .lines()
                .find_map(|line| line.strip_prefix("title"))
                .unwrap_or_default();
            output.line(&format!(
                "{name:<12}{}",
                title.trim_start_matches([' ', '=']).trim_matches('"')
            ));
        }
        output.document(&json!({ "templates": templates.iter().map(|(name, _)| name).collect::<Vec<_>>() }));
        return Exit::Pass;
    }
    let chosen: Vec<_> = templates
        .iter()
        .filter(|(name, _)| args.template.as_deref().is_none_or(|wanted| wanted == *name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = templates.iter().map(|(name, _)| *name).collect();
        let wanted = args.template.as_deref().unwrap_or_default();
        output.error(
            &format!("there is no template `{wanted}`"),
            Some(&format!("there are {}", names.join(", "))),
        );
        return Exit::BadInput;
    }
    let mut files: Vec<(String, String)> = chosen
        .into_iter()
        .map(|(name, source)| (format!("{name}.toml"), (*source).to_owned()))
        .collect();
    let schema = serde_json::to_string_pretty(&tally_plan::schema()).unwrap_or_default();
    files.push(("tally.schema.json".to_owned(), schema + "\n"));
    files.push(("ci.sh".to_owned(), CI.to_owned()));
    write_all(&args.place, &files, args.force, output)
}

fn write_all(dir: &Path, files: &[(String, String)], force: bool, output: &Output) -> Exit {
    let existing: Vec<&str> = files
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| dir.join(name).exists())
        .collect();
    if !existing.is_empty() && !force {
        let what = existing.join(", ");
        output.error(
            &format!("{what}: exists in {} already", dir.display()),
            Some("use --force to overwrite"),
        );
        return Exit::BadInput;
    }
    let write = || -> std::io::Result<()> {
        std::fs::create_dir_all(dir)?;
        files
            .iter()
            .try_for_each(|(name, text)| std::fs::write(dir.join(name), text))
    };
    if let Err(error) = write() {
        output.error(&format!("{} cannot be written: {error}", dir.display()), None);
        return Exit::Environment;
    }
    for (name, _) in files {
        output.line(&format!("wrote {}", dir.join(name).display()));
    }
    output.document(&json!({ "written": files.iter().map(|(name, _)| name).collect::<Vec<_>>() }));
    output.note(&format!("next: tally run {}", dir.join(&files[0].0).display()));
    Exit::Pass
}
