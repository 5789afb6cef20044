//! Headless Chromium: opens a page of ours and gives back what became of it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::shown::{Cell, unescaped};

/// Seconds that one page may take.
const PATIENCE: &str = "120";

/// No window is narrower.
const WINDOW_MIN: u32 = 500;
/// Shows a page as in a narrower window, and takes its place once it is drawn.
const FRAME: &str = r#"<body style="margin: 0"><iframe src="page.html" width="WIDTH" height="900" style="border: 0"></iframe><script>
onload = () => {
  const page = document.querySelector("iframe").contentDocument.documentElement;
  document.replaceChild(document.importNode(page, true), document.documentElement);
};
</script></body>"#;

/// A page after its scripts ran.
pub(super) struct Page {
    dom: String,
    /// What the browser logged.
    log: String,
}

/// A directory for one browser, removed when dropped.
struct Profile(PathBuf);

impl Profile {
    fn new() -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tickwire-browser-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("the temporary directory is writable");
        Self(path)
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Page {
    pub(super) fn open(html: &str, width: u32) -> Self {
        Self::open_and(html, width, "")
    }

    /// Opens the page in a window of this width and runs a script in it once it is ready.
    pub(super) fn open_and(html: &str, width: u32, script: &str) -> Self {
        let profile = Profile::new();
        let write = |name: &str, html: &str| {
            let file = profile.0.join(name);
            fs::write(&file, html).expect("the temporary directory is writable");
            file
        };
        let script = format!("<script>{{ {script} }}</script></body>");
        let mut file = write("page.html", &html.replace("</body>", &script));
        if width < WINDOW_MIN {
            file = write("frame.html", &FRAME.replace("WIDTH", &width.to_string()));
        }
        let output = Command::new("timeout")
            .args(["--kill-after=5", PATIENCE, "chromium", "--headless"])
            .args(["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
            ])
            .args(["--disable-sync", "--no-first-run", "--hide-scrollbars"])
            // A frame may look at its page.
            .arg("--allow-file-access-from-files")
            .args(["--enable-logging=stderr", "--virtual-time-budget=10000"])
            .arg(format!("--user-data-dir={}", profile.0.display()))
            .arg(format!("--window-size={width},900"))
            .arg("--dump-dom")
            .arg(format!("file://{}", file.display()))
            .output()
            .expect("chromium is installed: .ci/run pictures says how");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{log}");
        let dom = String::from_utf8(output.stdout).expect("the page is text");
        Self { dom, log }
    }

    /// Whether the page says that all of it is drawn.
    pub(super) fn is_ready(&self) -> bool {
        self.attribute("data-ready") == "true"
    }

    /// What scripts complained of, or were forbidden.
    pub(super) fn console(&self) -> Vec<&str> {
        let lines = self.log.lines();
        lines.filter(|line| line.contains("CONSOLE")).collect()
    }

    pub(super) fn assert_is_well(&self) {
        assert_eq!(self.console(), Vec::<&str>::new());
        assert!(self.is_ready(), "{}", self.log);
    }

    /// An attribute of the root; empty if it has none.
    pub(super) fn attribute(&self, name: &str) -> String {
        let (_, root) = self.dom.split_once("<html").expect("it is a page");
        let (root, _) = root.split_once('>').expect("its root ends");
        let value = root.split_once(&format!("{name}=\""));
        let value = value.and_then(|(_, rest)| rest.split_once('"'));
        value.map_or_else(String::new, |(value, _)| unescaped(value))
    }

    /// The text in the element of this id.
    pub(super) fn text(&self, id: &str) -> String {
        text_of(self.inside(id))
    }

    /// The rows in the body of the table of this id, cell by cell.
    pub(super) fn rows(&self, id: &str) -> Vec<Vec<String>> {
        let (_, body) = self.inside(id).split_once("<tbody>").expect("it has rows");
        let rows = body.split("<tr>").skip(1);
        rows.map(|row| row.split("<td").skip(1))
            .map(|cells| cells.map(|cell| text_of(&format!("<td{cell}"))).collect())
            .collect()
    }

    /// Every element that says which value of the JSON it shows.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let (drawn, _) = self
            .dom
            .split_once("<script")
            .expect("the page has scripts");
        let cells = drawn.split("data-path=\"").skip(1);
        cells.map(Cell::read).collect()
    }

    /// What is between the tags of the element of this id, which holds no other of its name.
    fn inside(&self, id: &str) -> &str {
        let place = self
            .dom
            .find(&format!(" id=\"{id}\""))
            .expect("it is there");
        let start = self.dom[..place].rfind('<').expect("it has a tag") + 1;
        let name = self.dom[start..place].split(' ').next().expect("a name");
        let rest = &self.dom[place..];
        let (_, rest) = rest.split_once('>').expect("the tag ends");
        // Boxes hold boxes: count them.
        let (open, close) = (format!("<{name}"), format!("</{name}>"));
        let mut depth = 1;
        let mut end = 0;
        while depth > 0 {
            let tail = &rest[end..];
            let next_close = tail.find(&close).expect("every element ends");
            match tail.find(&open).filter(|next_open| *next_open < next_close) {
                Some(next_open) => {
                    depth += 1;
                    end += next_open + open.len();
                }
                None => {
                    depth -= 1;
                    end += next_close + if depth > 0 { close.len() } else { 0 };
                }
            }
        }
        &rest[..end]
    }
}

/// Text without its tags.
fn text_of(html: &str) -> String {
    let parts = html.split('<');
    let texts = parts.map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    unescaped(&texts.collect::<String>())
}
