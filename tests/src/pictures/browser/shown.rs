//! What cells of a page show, compared with the JSON that they are about.

use std::collections::BTreeMap;

use serde_json::Value;

/// An element of a page that names a value.
#[derive(Debug)]
pub(super) struct Cell {
    path: String,
    raw: String,
    /// What people read.
    text: String,
}

impl Cell {
    /// Reads on where `data-path="` ended.
    pub(super) fn read(rest: &str) -> Self {
        let (path, rest) = rest.split_once('"').expect("the attribute ends");
        let rest = rest
            .strip_prefix(" data-raw=\"")
            .expect("the value is next");
        let (raw, rest) = rest.split_once('"').expect("the attribute ends");
        let (_, text) = rest.split_once('>').expect("the tag ends");
        let (text, _) = text.split_once('<').expect("the element ends");
        Self {
            path: unescaped(path),
            raw: unescaped(raw),
            text: unescaped(text),
        }
    }

    /// Whether the text says what the value is, to three digits where it has a unit.
    fn tells(&self) -> bool {
        let plain = self.text.replace('\u{202f}', "");
        if plain == self.raw || (plain == "–" && ["0", "null"].contains(&self.raw.as_str())) {
            return true;
        }
        let mut words = plain.split(' ');
        let (Some(number), Some(unit)) = (words.next(), words.next()) else {
            return false;
        };
        let scale = match unit {
            "µs" | "B" | "bit/s" => 1.0,
            "ms" | "kB" | "kbit/s" => 1e3,
            "s" | "MB" | "Mbit/s" => 1e6,
            "GB" | "Gbit/s" => 1e9,
            _ => return false,
        };
        let (Ok(number), Ok(raw)) = (number.parse::<f64>(), self.raw.parse::<f64>()) else {
            return false;
        };
        (number * scale - raw).abs() <= raw * 0.005_001
    }
}

/// Cells that show what the JSON does not say, and values of the JSON that no cell shows.
pub(super) fn differences(json: &Value, cells: &[Cell]) -> Vec<String> {
    let mut leaves = BTreeMap::new();
    collect(json, "", &mut leaves);
    let mut found = Vec::new();
    let mut unseen = leaves.clone();
    for cell in cells {
        unseen.remove(&cell.path);
        // A distribution that is not there has no leaves.
        let value = leaves.get(&cell.path).map_or("undefined", String::as_str);
        if value != cell.raw || !cell.tells() {
            found.push(format!("{cell:?} and not {value}"));
        }
    }
    found.extend(unseen.keys().map(|path| format!("nothing shows {path}")));
    found
}

/// Every single value but those of charts and the log, by its path.
fn collect(value: &Value, path: &str, leaves: &mut BTreeMap<String, String>) {
    let inner = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if !(path.is_empty() && ["series", "log"].contains(&key.as_str())) {
                    collect(value, &inner(key), leaves);
                }
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                collect(value, &inner(&index.to_string()), leaves);
            }
        }
        Value::String(text) => {
            leaves.insert(path.to_owned(), text.clone());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            leaves.insert(path.to_owned(), value.to_string());
        }
    }
}

/// HTML's five escapes, and the space that does not break.
pub(super) fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let text = text.replace("&quot;", "\"").replace("&nbsp;", "\u{a0}");
    text.replace("&amp;", "&")
}
