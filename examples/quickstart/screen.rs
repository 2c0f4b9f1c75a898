//! The terminal: lines that stay, and below them a panel that is drawn again and again.

use std::fmt;
use std::io::{self, IsTerminal, Write as _};

/// How what goes on is shown.
#[derive(Debug)]
pub(crate) struct Screen {
    output: Output,
    colored: bool,
    /// How many lines the panel has at the moment.
    drawn: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    /// A terminal.
    Live,
    /// A file or a pipe: lines that stay, and nothing else.
    Plain,
    /// JSON lines.
    Json,
}

/// A style, as the terminal's own number for it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Style {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
}

impl Screen {
    pub(crate) fn new(json: bool) -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let terminal = io::stdout().is_terminal() && variable("TERM").is_none_or(|term| term != "dumb");
        let output = match (json, terminal) {
            (true, _) => Output::Json,
            (false, true) => Output::Live,
            (false, false) => Output::Plain,
        };
        Self { output, colored: output == Output::Live && variable("NO_COLOR").is_none(), drawn: 0 }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    pub(crate) fn is_live(&self) -> bool {
        self.output == Output::Live
    }

    /// Text in a style, where the terminal is to have any.
    pub(crate) fn paint(&self, style: Style, text: impl fmt::Display) -> String {
        if self.colored { format!("\x1b[{}m{text}\x1b[0m", style as u8) } else { text.to_string() }
    }

    /// Lines that stay. Says nothing in JSON.
    pub(crate) fn say(&mut self, text: impl fmt::Display) -> io::Result<()> {
        if self.is_json() {
            return Ok(());
        }
        let text = format!("{}{text}\n", self.erase());
        write(&text)
    }

    /// A JSON line, where those are wanted.
    pub(crate) fn json(&self, value: &impl serde::Serialize) -> io::Result<()> {
        if !self.is_json() {
            return Ok(());
        }
        write(&format!("{}\n", serde_json::to_string(value)?))
    }

    /// Draws the panel anew, on a terminal.
    pub(crate) fn draw(&mut self, panel: &[String]) -> io::Result<()> {
        if !self.is_live() {
            return Ok(());
        }
        // Lines that are too long are cut rather than wrapped, as the number of lines must be known to go back up.
        let text = format!("{}\x1b[?7l{}\n\x1b[?7h", self.erase(), panel.join("\n"));
        self.drawn = panel.len();
        write(&text)
    }

    /// What takes the panel away.
    fn erase(&mut self) -> String {
        match std::mem::take(&mut self.drawn) {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\r\x1b[J"),
        }
    }
}

/// In one go, so that the terminal never shows half of it.
fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
