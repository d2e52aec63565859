//! The shell: statements typed or piped one after another, each on the newest tables.
//!
//! Answers go through the same code as those of `query`. This module decides what is run, where
//! answers go, and what Ctrl-C ends. Lines are edited in [`editor`].

pub(crate) mod answer;

mod command;
mod completion;
mod describe;
mod editor;
mod text;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufWriter, IsTerminal, Seek, Stdout, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures::FutureExt;
use tempfile::SpooledTempFile;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

use self::answer::{Answered, answer, too_long};
use self::command::{COMMANDS, Command, formats};
use self::editor::{LineEditor, Typed};
use self::text::{Entry, last_entry, next_entry};
use crate::output::{Format, SCREEN_ROWS};
use crate::query::Session;
use crate::terminal::console::{self, Console, MessageKind};
use crate::terminal::failure;

/// Bytes of an answer for a file that are kept in memory; more go to a temporary file.
const ANSWER_IN_MEMORY: usize = 1 << 20;

/// A shell over one lake.
#[derive(Debug)]
pub(crate) struct Shell {
    session: Session,
    console: Console,
    format: Format,
    timing: bool,
    /// How long a statement may take.
    timeout: Option<Duration>,
    /// Where answers go; nothing means standard output.
    output: Option<AnswerFile>,
}

/// A file that takes answers, one after another.
#[derive(Debug)]
struct AnswerFile {
    path: PathBuf,
    file: File,
    /// The format of the file's extension.
    format: Option<Format>,
    /// Whether it has an answer. What it had before stays until then.
    has_answers: bool,
}

/// Where the rows of one answer go while it runs.
#[derive(Debug)]
enum AnswerRows {
    Screen(BufWriter<Stdout>),
    /// Kept until the statement has succeeded.
    File(SpooledTempFile),
}

impl Write for AnswerRows {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Screen(screen) => screen.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Screen(screen) => screen.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

/// Whether the shell continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Continue,
    Leave,
}

impl Shell {
    /// Makes a shell that writes answers in this format to standard output.
    #[must_use]
    pub(crate) const fn new(
        session: Session,
        format: Format,
        console: Console,
        timeout: Option<Duration>,
    ) -> Self {
        Self { session, console, format, timing: false, timeout, output: None }
    }

    /// Runs what is typed at the terminal until the user leaves; errors are shown and do not end
    /// the shell.
    ///
    /// Must be called within a runtime of several threads.
    ///
    /// # Errors
    /// When the terminal cannot be used.
    pub(crate) async fn converse(mut self, history: Option<PathBuf>) -> anyhow::Result<()> {
        let mut editor =
            LineEditor::open(self.session.clone(), history).context("cannot use the terminal")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen to Ctrl-C")?;
        loop {
            // A Ctrl-C after the last answer does not cancel the next one.
            while interrupt.recv().now_or_never().is_some() {}
            match editor.read().context("cannot read from the terminal")? {
                Typed::Text(text) => {
                    if self.run_all(&text, &mut interrupt).await == Flow::Leave {
                        return Ok(());
                    }
                }
                Typed::Abandoned => {}
                Typed::End => return Ok(()),
            }
        }
    }

    /// Runs statements as they are read, up to the first that fails; the last one need not end with
    /// a semicolon.
    ///
    /// # Errors
    /// When one fails, or the input cannot be read.
    pub(crate) async fn run_script(mut self, mut input: impl BufRead) -> anyhow::Result<()> {
        let mut waiting = String::new();
        while input
            .read_line(&mut waiting)
            .context("cannot read the statements on standard input")?
            > 0
        {
            while let Some((entry, rest)) = next_entry(&waiting) {
                if self.run(entry, None).await? == Flow::Leave {
                    return Ok(());
                }
                waiting = rest.to_owned();
            }
        }
        if let Some(entry) = last_entry(&waiting) {
            self.run(entry, None).await?;
        }
        Ok(())
    }

    /// Runs what was typed, up to the first entry that fails.
    async fn run_all(&mut self, text: &str, interrupt: &mut Signal) -> Flow {
        let mut rest = text;
        while let Some((entry, following)) =
            next_entry(rest).or_else(|| last_entry(rest).map(|entry| (entry, "")))
        {
            match self.run(entry, Some(&mut *interrupt)).await {
                Ok(Flow::Continue) => rest = following,
                Ok(Flow::Leave) => return Flow::Leave,
                Err(error) => {
                    self.console.show(MessageKind::Error, &failure::describe(&error));
                    break;
                }
            }
        }
        Flow::Continue
    }

    /// Runs one entry, which `interrupt` cancels.
    async fn run(
        &mut self,
        entry: Entry<'_>,
        interrupt: Option<&mut Signal>,
    ) -> anyhow::Result<Flow> {
        match entry {
            Entry::Statement("") => Ok(Flow::Continue),
            Entry::Statement(text) if is_exit_word(text) => Ok(Flow::Leave),
            Entry::Statement(text) => self.run_statement(text, interrupt).await,
            Entry::Command(line) => self.run_command(Command::parse(line)?).await,
        }
    }

    async fn run_statement(
        &mut self,
        text: &str,
        interrupt: Option<&mut Signal>,
    ) -> anyhow::Result<Flow> {
        let format = self.output.as_ref().and_then(|output| output.format).unwrap_or(self.format);
        let to_screen = self.output.is_none();
        let max_rows = (to_screen && format == Format::Table).then_some(SCREEN_ROWS);
        let mut rows = match to_screen {
            true => AnswerRows::Screen(console::results()),
            false => AnswerRows::File(SpooledTempFile::new(ANSWER_IN_MEMORY)),
        };
        if format.is_binary() && to_screen && io::stdout().is_terminal() {
            bail!("a binary format does not belong on a terminal; name a file with \\o");
        }
        let started = Instant::now();
        let session = self.session.clone();
        let text = text.to_owned();
        let work = tokio::spawn(async move {
            let answered = answer(&session, &text, format, &mut rows, max_rows).await?;
            Ok((answered, rows))
        });
        let mut answered = unless_interrupted(work, interrupt, self.timeout, self.console).await;
        if answered.is_ok() && self.timing {
            self.reply(&format!("{:.3} s", started.elapsed().as_secs_f64()));
        }
        if let (Ok(Some((_, AnswerRows::File(rows)))), Some(output)) =
            (&mut answered, &mut self.output)
        {
            output.append(rows)?;
        }
        if let Some(output) = self.output.take_if(|_| format.is_binary()) {
            let path = output.path.display();
            self.console.info(&format!("{path} has the answer; the next ones go to the screen"));
        }
        match answered? {
            Some((Answered::Unread, _)) => Ok(Flow::Leave),
            Some((Answered::Whole, _)) | None => Ok(Flow::Continue),
        }
    }

    async fn run_command(&mut self, command: Command) -> anyhow::Result<Flow> {
        match command {
            Command::Describe(None) => console::print(&describe::tables(&self.session).await?)?,
            Command::Describe(Some(table)) => {
                console::print(&describe::columns(&self.session, &table).await?)?;
            }
            Command::Timing => {
                self.timing = !self.timing;
                let state = if self.timing { "on" } else { "off" };
                self.reply(&format!("timing is {state}"));
            }
            Command::Format(None) => {
                let formats = formats().join(", ");
                self.reply(&format!("the format is {}; expected one of {formats}", self.format));
            }
            Command::Format(Some(format)) => self.format = format,
            Command::Output(None) => self.output = None,
            Command::Output(Some(path)) => self.output = Some(AnswerFile::open(&path)?),
            Command::Set { name, value } => self.session.set_parameter(&name, &value),
            Command::Help => self.reply(&help()),
            Command::Quit => return Ok(Flow::Leave),
        }
        Ok(Flow::Continue)
    }

    fn reply(&self, text: &str) {
        self.console.show(MessageKind::Reply, text);
    }
}

/// Waits for an answer, but no longer than `timeout`; returns nothing when the user cancelled it.
async fn unless_interrupted<T>(
    mut work: JoinHandle<anyhow::Result<T>>,
    interrupt: Option<&mut Signal>,
    timeout: Option<Duration>,
    console: Console,
) -> anyhow::Result<Option<T>> {
    let limit = async {
        match timeout {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let interrupted = async {
        match interrupt {
            Some(interrupt) => interrupt.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        answered = &mut work => answered.context("the statement was aborted")?.map(Some),
        _ = interrupted => {
            work.abort();
            let _ = work.await;
            console.show(MessageKind::Reply, "cancelled");
            Ok(None)
        }
        () = limit => {
            work.abort();
            Err(too_long(timeout.unwrap_or_default()))
        }
    }
}

impl AnswerFile {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options.open(path).with_context(|| cannot_write(path))?;
        Ok(Self { path: path.to_owned(), file, format: Format::for_path(path), has_answers: false })
    }

    /// Adds a complete answer; the first one takes the place of what the file had before.
    fn append(&mut self, rows: &mut SpooledTempFile) -> anyhow::Result<()> {
        self.copy(rows).with_context(|| cannot_write(&self.path))
    }

    fn copy(&mut self, rows: &mut SpooledTempFile) -> io::Result<()> {
        if !self.has_answers && self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.has_answers = true;
        rows.rewind()?;
        io::copy(rows, &mut self.file).map(|_| ())
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}

/// Returns whether a word ends the shell, although it is not a command.
fn is_exit_word(text: &str) -> bool {
    ["exit", "quit"].iter().any(|word| word.eq_ignore_ascii_case(text.trim()))
}

fn help() -> String {
    let commands = COMMANDS.map(|(command, purpose)| format!("  {command:<16} {purpose}"));
    format!(
        "A statement ends with a semicolon and can have several lines. Tab completes names, \
         Ctrl-C cancels.\n{}",
        commands.join("\n")
    )
}

/// Returns standard input, line by line.
#[must_use]
pub(crate) fn standard_input() -> impl BufRead {
    io::stdin().lock()
}
