//! The part of docs/BENCHMARKS.md that is made by machine: between marks, and nothing else is touched.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::Report;

/// Where the tables stand.
fn path() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/BENCHMARKS.md"
    ))
}

/// Puts each report between its marks.
pub(crate) fn write(reports: &[Report]) -> anyhow::Result<()> {
    let path = path();
    let shown = path.display();
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read {shown}"))?;
    let mut text = page;
    for report in reports {
        text = replace(&text, report.name, &report.markdown())?;
    }
    fs::write(&path, text).with_context(|| format!("cannot write {shown}"))
}

/// The page with `tables` between the marks of `name`.
fn replace(page: &str, name: &str, tables: &str) -> anyhow::Result<String> {
    let (begin, end) = (
        format!("<!-- peers {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let parts = page.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(&end)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        bail!(
            "docs/BENCHMARKS.md has no lines {begin:?} and {end:?} to write between: put them where the tables belong"
        );
    };
    Ok(format!("{before}{begin}\n{tables}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = "a\n<!-- peers w1 -->\nold\n<!-- end of w1 -->\nb\n";
        let new = replace(page, "w1", "new").expect("the marks are there");
        assert_eq!(new, "a\n<!-- peers w1 -->\n\nnew\n<!-- end of w1 -->\nb\n");
        assert_eq!(
            replace(&new, "w1", "new").ok(),
            Some(new.clone()),
            "twice is once"
        );
        assert!(replace(page, "w2", "new").is_err());
    }
}
