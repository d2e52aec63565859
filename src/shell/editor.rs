//! The line editor: history, completion, and statements of several lines. The only file that knows
//! rustyline.

use std::cell::RefCell;
use std::path::PathBuf;
use std::{fmt, fs};

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Behavior, CompletionType, Config, Context, Editor, Helper};
use tokio::runtime::Handle;

use super::completion::Names;
use super::text::next_entry;
use crate::query::Session;

const PROMPT: &str = "lakehouse> ";

/// What a user did at the prompt.
#[derive(Debug)]
pub(super) enum Typed {
    /// One or more whole entries.
    Text(String),
    /// Ctrl-C: the line is dropped.
    Abandoned,
    /// Ctrl-D.
    End,
}

/// Reads from the terminal.
pub(super) struct LineEditor {
    editor: Editor<Assistant, FileHistory>,
    history: Option<PathBuf>,
}

impl fmt::Debug for LineEditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineEditor").field("history", &self.history).finish_non_exhaustive()
    }
}

impl LineEditor {
    /// Opens the terminal; the history is in the file `history`, or only in memory.
    ///
    /// Must be called within a runtime of several threads.
    pub(super) fn open(session: Session, history: Option<PathBuf>) -> Result<Self, ReadlineError> {
        // The prompt goes to the terminal itself, so that standard output has only answers.
        let config =
            Config::builder().behavior(Behavior::PreferTerm).completion_type(CompletionType::List);
        let config = config.history_ignore_space(true).history_ignore_dups(true)?.build();
        let mut editor = Editor::with_config(config)?;
        let names = RefCell::default();
        editor.set_helper(Some(Assistant { session, runtime: Handle::current(), names }));
        // A history that does not exist yet, or cannot be read, is empty.
        let history = history
            .filter(|file| file.parent().is_some_and(|folder| fs::create_dir_all(folder).is_ok()));
        if let Some(file) = &history {
            let _ = editor.load_history(file);
        }
        Ok(Self { editor, history })
    }

    /// Waits for the next entry, and remembers it.
    pub(super) fn read(&mut self) -> Result<Typed, ReadlineError> {
        if let Some(assistant) = self.editor.helper() {
            assistant.names.take();
        }
        match tokio::task::block_in_place(|| self.editor.readline(PROMPT)) {
            Ok(text) => {
                self.remember(&text);
                Ok(Typed::Text(text))
            }
            Err(ReadlineError::Interrupted) => Ok(Typed::Abandoned),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(error),
        }
    }

    /// Writes the history at once, so that it survives whatever happens to the shell.
    fn remember(&mut self, text: &str) {
        let is_new = self.editor.add_history_entry(text.trim()).unwrap_or(false);
        if let Some(file) = self.history.as_ref().filter(|_| is_new) {
            let _ = self.editor.append_history(file);
        }
    }
}

/// Completes and validates what is typed.
struct Assistant {
    session: Session,
    runtime: Handle,
    /// Read from the lake at the first completion after a prompt.
    names: RefCell<Option<Names>>,
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let mut names = self.names.borrow_mut();
        let names = names.get_or_insert_with(|| self.runtime.block_on(Names::read(&self.session)));
        Ok(names.complete(&line[..pos]))
    }
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let whole = is_whole(context.input());
        Ok(if whole { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Hinter for Assistant {
    type Hint = String;
}

impl Highlighter for Assistant {}

impl Helper for Assistant {}

/// Returns whether a text ends with the end of an entry; an empty text does.
fn is_whole(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, following)) = next_entry(rest) {
        rest = following;
    }
    rest.trim().is_empty() || super::is_exit_word(rest)
}
