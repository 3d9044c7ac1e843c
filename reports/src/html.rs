//! The page: one file, no script, nothing fetched.

mod compare;
mod page;
mod policies;
mod tables;
mod trial;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, escape_formatter};
use serde::Serialize;

pub use compare::comparison_html;
pub use policies::policies_html;

use crate::clean::clean;
use crate::error::Error;
use crate::run_report::RunReport;

/// Most bytes a page may have: 2 MiB, so that it can be mailed and opened at once.
pub const MOST_BYTES: usize = 2 * 1024 * 1024;

/// How many trials get charts, most first: the first number with which the page is small enough is taken.
const CHARTED: [usize; 4] = [6, 3, 2, 1];

const HEAD: &str = include_str!("../templates/head.html");
const TEMPLATE: &str = include_str!("../templates/page.html");
const COMPARISON: &str = include_str!("../templates/compare.html");
const POLICIES: &str = include_str!("../templates/policies.html");
const MACROS: &str = include_str!("../templates/macros.html");
const STYLE: &str = include_str!("../templates/style.css");

/// One self-contained page about a run; the same report gives the same bytes.
///
/// # Errors
/// If a chart cannot be drawn or the page would be larger than [`MOST_BYTES`]; both are bugs, for every part is bounded.
pub fn html(report: &RunReport) -> Result<String, Error> {
    fitting("page.html", &CHARTED, |charted| page::page(report, charted))
}

/// The first page that is not too large, with fewer and fewer charts.
fn fitting<P: Serialize>(
    template: &str,
    charted: &[usize],
    page: impl Fn(usize) -> Result<P, Error>,
) -> Result<String, Error> {
    let environment = environment()?;
    let mut bytes = 0;
    for &charted in charted {
        let html = render(&environment, template, &page(charted)?, STYLE)?;
        if html.len() <= MOST_BYTES {
            return Ok(html);
        }
        bytes = html.len();
    }
    Err(Error::TooLarge {
        bytes,
        limit: MOST_BYTES,
    })
}

/// All templates, and the only door into a page: whatever came from a file or an answer is cleaned and escaped there.
fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()?,
    );
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => escape_formatter(out, state, &Value::from(clean(text))),
        _ => escape_formatter(out, state, value),
    });
    environment.add_template("head.html", HEAD)?;
    environment.add_template("macros.html", MACROS)?;
    environment.add_template("page.html", TEMPLATE)?;
    environment.add_template("compare.html", COMPARISON)?;
    environment.add_template("policies.html", POLICIES)?;
    Ok(environment)
}

fn render(
    environment: &Environment<'_>,
    name: &str,
    page: &impl Serialize,
    style: &str,
) -> Result<String, Error> {
    let page = Value::from(Serde(page));
    Ok(environment
        .get_template(name)?
        .render(minijinja::context! { page => page, style => style })?)
}
