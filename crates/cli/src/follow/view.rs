//! Puts the followed execution on the screen: which of the forms, how often, and over what was drawn before.

use tokio::time::{Duration, Instant};

use super::render::{self, Canvas, Surroundings};
use crate::{
    Io,
    snapshot::{Snapshot, changes},
};

/// Shortest time between two drawings.
const DRAW_INTERVAL: Duration = Duration::from_millis(100);

/// Longest silence of the line form.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// The form of the progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Drawn in place on the error output.
    Live { color: bool },
    /// One line per change on the error output.
    Lines,
    /// One JSON document per change on the standard output.
    JsonLines,
    /// Nothing.
    Silent,
}

/// The progress of one execution.
pub(crate) struct View {
    form: Form,
    last: Option<Snapshot>,
    /// Lines of the live view that are on the screen.
    drawn: usize,
    drawn_at: Option<Instant>,
    written_at: Instant,
    seq: u64,
    pub(crate) about_ms: Option<i64>,
    lost_contact: bool,
}

impl View {
    pub(crate) fn new(form: Form) -> Self {
        Self {
            form,
            last: None,
            drawn: 0,
            drawn_at: None,
            written_at: Instant::now(),
            seq: 0,
            about_ms: None,
            lost_contact: false,
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self.form, Form::Live { .. })
    }

    /// The last reading.
    pub(crate) fn last(&self) -> Option<&Snapshot> {
        self.last.as_ref()
    }

    /// Number of the next machine line.
    pub(crate) fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// Shows a new reading.
    pub(crate) fn update(&mut self, snapshot: Snapshot, io: &mut Io) {
        self.contact(true, io);
        let now_ms = io.now_ms();
        let found = changes(self.last.as_ref(), &snapshot);
        self.last = Some(snapshot);
        let Some(snapshot) = &self.last else { return };
        match self.form {
            Form::Silent => {}
            Form::Live { .. } => self.draw(io, false),
            Form::Lines => {
                for change in &found {
                    io.note(&render::change_line(snapshot, change, now_ms));
                    self.written_at = Instant::now();
                }
            }
            Form::JsonLines => {
                for change in &found {
                    self.seq += 1;
                    io.say(&render::change_json(snapshot, change, self.seq, now_ms).to_string());
                }
            }
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, io: &mut Io) {
        match self.form {
            Form::Live { .. } => self.draw(io, false),
            Form::Lines if self.written_at.elapsed() >= HEARTBEAT => {
                self.written_at = Instant::now();
                let around = self.around(io);
                if let Some(snapshot) = &self.last {
                    io.note(&render::heartbeat(snapshot, around));
                }
            }
            Form::Lines | Form::JsonLines | Form::Silent => {}
        }
    }

    /// The server answers, or it does not.
    pub(crate) fn contact(&mut self, there: bool, io: &mut Io) {
        if self.lost_contact != there {
            return;
        }
        self.lost_contact = !there;
        match self.form {
            Form::Live { .. } => self.draw(io, false),
            Form::Lines => {
                let what = if there {
                    "in contact again"
                } else {
                    "lost contact with the server, trying again"
                };
                io.note(&format!("{}  {what}", crate::text::instant(io.now_ms())));
                self.written_at = Instant::now();
            }
            Form::JsonLines | Form::Silent => {}
        }
    }

    /// The last state stays on the screen.
    pub(crate) fn finish(&mut self, io: &mut Io) {
        if self.is_live() {
            self.draw(io, true);
        }
    }

    fn around(&self, io: &Io) -> Surroundings {
        Surroundings {
            now_ms: io.now_ms(),
            about_ms: self.about_ms,
            lost_contact: self.lost_contact,
            ctrl_c: io.interrupt.says(),
        }
    }

    fn draw(&mut self, io: &mut Io, always: bool) {
        let Form::Live { color } = self.form else {
            return;
        };
        if !always && self.drawn_at.is_some_and(|at| at.elapsed() < DRAW_INTERVAL) {
            return;
        }
        let Some(snapshot) = &self.last else { return };
        let (columns, rows) = (io.size)();
        let canvas = Canvas {
            columns: columns.into(),
            rows: rows.into(),
            color,
        };
        let lines = render::live(snapshot, canvas, self.around(io));
        let mut text = String::new();
        // A terminal that shrank has scrolled: never go up further than it has rows.
        let up = self.drawn.min(usize::from(rows).saturating_sub(1));
        if up > 0 {
            text.push_str(&format!("\u{1b}[{up}A"));
        }
        for line in &lines {
            text.push_str("\r\u{1b}[2K");
            text.push_str(line);
            text.push('\n');
        }
        text.push_str("\u{1b}[J");
        io.draw(&text);
        self.drawn = lines.len();
        self.drawn_at = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::Screen;

    fn reading(status: &str) -> Snapshot {
        Snapshot::read(
            &json!({"id": "E", "application": "a", "name": "p", "status": "RUNNING", "startTime": 1,
            "stages": [{"id": "s", "refId": "1", "type": "wait", "name": "W", "status": status, "startTime": 1}]}),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn the_live_view_redraws_over_itself_at_most_ten_times_a_second() {
        let mut screen = Screen::terminal(80, 24);
        let mut view = View::new(Form::Live { color: false });
        for _ in 0..50 {
            view.update(reading("RUNNING"), &mut screen.io);
            tokio::time::advance(Duration::from_millis(20)).await;
        }
        let drawings = screen.err().matches("Ctrl-C leaves it running").count();
        assert_eq!(drawings, 10);
        assert!(screen.err().contains("\u{1b}[2A\r\u{1b}[2K  run   W"));
    }

    #[tokio::test(start_paused = true)]
    async fn ctrl_c_is_not_promised_to_be_harmless_where_it_stops_the_server() {
        let mut screen = Screen::terminal(80, 24);
        screen.io.interrupt = crate::Interrupt::Elsewhere("Ctrl-C stops the server");
        let mut view = View::new(Form::Live { color: false });
        view.update(reading("RUNNING"), &mut screen.io);
        assert!(screen.err().contains("   Ctrl-C stops the server\n"));
        assert!(!screen.err().contains("leaves it running"));
    }

    #[tokio::test(start_paused = true)]
    async fn lines_come_with_changes_and_a_heartbeat_every_half_minute() {
        let mut screen = Screen::pipe();
        let mut view = View::new(Form::Lines);
        view.update(reading("RUNNING"), &mut screen.io);
        for _ in 0..65 {
            tokio::time::advance(Duration::from_secs(1)).await;
            view.update(reading("RUNNING"), &mut screen.io);
            view.tick(&mut screen.io);
        }
        view.contact(false, &mut screen.io);
        view.contact(false, &mut screen.io);
        view.update(reading("SUCCEEDED"), &mut screen.io);
        let text = screen.err();
        let lines: Vec<&str> = text
            .lines()
            .map(|line| line.split_once("  ").unwrap().1)
            .collect();
        assert_eq!(lines.len(), 7, "{lines:?}");
        assert!(lines[0].starts_with("run   W"));
        assert_eq!(lines[1], "a/p  RUNNING");
        assert_eq!(lines[2], "a/p  still RUNNING: 1 running");
        assert_eq!(lines[3], lines[2]);
        assert_eq!(lines[4], "lost contact with the server, trying again");
        assert_eq!(lines[5], "in contact again");
        assert!(lines[6].starts_with("ok    W"));
    }
}
