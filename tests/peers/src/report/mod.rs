//! What is printed and written: tables in Markdown, results in JSON.

mod figures;
mod page;
mod table;
mod tables;

use serde::Serialize;
use serde_json::Value;

pub(crate) use page::write;
pub(crate) use table::Table;
pub(crate) use tables::{bulk, cpu, fairness, handshake, latency, reliable, wire};

/// The outcome of one sub-command.
#[derive(Debug)]
pub(crate) struct Report {
    /// The sub-command's name; its part of the page is between marks with it.
    pub(crate) name: &'static str,
    pub(crate) tables: Vec<Table>,
    pub(crate) results: Value,
}

impl Report {
    pub(crate) fn new(
        name: &'static str,
        tables: Vec<Table>,
        results: &impl Serialize,
    ) -> anyhow::Result<Self> {
        let results = serde_json::to_value(results)?;
        Ok(Self {
            name,
            tables,
            results,
        })
    }

    /// All tables, as Markdown.
    pub(crate) fn markdown(&self) -> String {
        let tables: Vec<String> = self.tables.iter().map(Table::to_string).collect();
        tables.join("\n")
    }
}
