//! Views: statements in files of the user, each read like a table.
//!
//! A view is planned whenever a statement names it, so that it reads the tables of that moment. It
//! may read other views, but not itself. Where the files are is a setting.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::ViewTable;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, TableType};
use thiserror::Error;

use super::error::QueryError;
use super::statement;

/// The schema of all views.
pub(crate) const SCHEMA: &str = "views";

/// The views of a folder, by name.
#[derive(Clone, Debug, Default)]
pub struct Views(BTreeMap<String, View>);

/// A file with one statement.
#[derive(Clone, Debug)]
struct View {
    file: PathBuf,
    text: String,
}

/// Views that cannot be read from their folder.
#[derive(Debug, Error)]
pub enum ViewsError {
    #[error("cannot read the views in {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "the view {} needs another name: small letters, digits and `_`, as it is written in a \
         statement", path.display()
    )]
    Name { path: PathBuf },
}

impl Views {
    /// Reads the files `NAME.sql` of a folder.
    ///
    /// # Errors
    /// When the folder or a file cannot be read, or a name is none of SQL.
    pub fn load(folder: &Path) -> Result<Self, ViewsError> {
        let unreadable = |source| ViewsError::Read { path: folder.to_owned(), source };
        let mut views = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_none_or(|extension| extension != "sql") {
                continue;
            }
            let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if !is_name(name) {
                return Err(ViewsError::Name { path: file });
            }
            let text = fs::read_to_string(&file)
                .map_err(|source| ViewsError::Read { path: file.clone(), source })?;
            views.insert(name.to_owned(), View { file, text });
        }
        Ok(Self(views))
    }
}

fn is_name(name: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    name.starts_with(is_letter)
        && name.chars().all(|letter| is_letter(letter) || letter.is_ascii_digit())
}

/// Returns the state of the session that a view is planned in, as long as there is one.
type CurrentState = Box<dyn Fn() -> Option<SessionState> + Send + Sync>;

/// The views as a schema of a session.
pub(super) struct ViewTables {
    views: Views,
    state: CurrentState,
}

impl fmt::Debug for ViewTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ViewTables").field(&self.views).finish()
    }
}

tokio::task_local! {
    /// The views that are being planned, each read by the one before it.
    static PLANNED: Vec<String>;
}

impl ViewTables {
    /// Makes the schema of a session, which `state` returns.
    pub(super) fn new(
        views: Views,
        state: impl Fn() -> Option<SessionState> + Send + Sync + 'static,
    ) -> Self {
        Self { views, state: Box::new(state) }
    }

    /// Returns whether there is a view of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.views.0.contains_key(name)
    }

    /// Returns the names of all views.
    pub(super) fn names(&self) -> Vec<String> {
        self.views.0.keys().cloned().collect()
    }

    /// Plans a view, or returns nothing when there is none.
    pub(super) async fn open(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(view) = self.views.0.get(name) else { return Ok(None) };
        let plan = match Box::pin(self.plan_once(name, view)).await {
            Ok(plan) => plan,
            Err(error) => return Err(DataFusionError::External(Box::new(view.error(name, error)))),
        };
        Ok(Some(Arc::new(ViewTable::new(plan, Some(view.text.clone())))))
    }

    /// Plans a view, unless it is planned for its own sake.
    async fn plan_once(&self, name: &str, view: &View) -> Result<LogicalPlan, QueryError> {
        let mut planned = PLANNED.try_with(Clone::clone).unwrap_or_default();
        let is_cycle = planned.iter().any(|other| other == name);
        planned.push(name.to_owned());
        if is_cycle {
            let message = format!("it reads itself: {}", planned.join(" → "));
            return Err(QueryError::Invalid { message });
        }
        PLANNED.scope(planned, self.plan(view)).await
    }

    async fn plan(&self, view: &View) -> Result<LogicalPlan, QueryError> {
        let statement = statement::parse(&view.text)?;
        let Some(state) = (self.state)() else {
            return Err(QueryError::Execution { message: "the session has ended".to_owned() });
        };
        let plan = Box::pin(state.statement_to_plan(statement)).await;
        plan.map_err(|error| QueryError::from_engine(error, 0))
    }
}

impl View {
    /// Says where in the file an error is, as far as that is known.
    fn error(&self, name: &str, error: QueryError) -> QueryError {
        let file = self.file.display();
        let place = match self.line(&error) {
            Some(line) => format!("{file}:{line}"),
            None => file.to_string(),
        };
        QueryError::View { name: name.to_owned(), place, source: Box::new(error) }
    }

    fn line(&self, error: &QueryError) -> Option<usize> {
        match error {
            QueryError::Syntax { message } => {
                let (_, after) = message.rsplit_once("at line ")?;
                after.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
            }
            QueryError::UnknownColumn { name, .. } => self.line_of(name),
            QueryError::Invalid { message } => self.line_of(message.split(['`', '\'']).nth(1)?),
            _ => None,
        }
    }

    /// Returns the first line that has a word.
    fn line_of(&self, word: &str) -> Option<usize> {
        let word = word.rsplit('.').next().filter(|word| !word.is_empty())?;
        let lines = self.text.lines().map(str::to_lowercase);
        let word = word.to_lowercase();
        lines.zip(1..).find(|(line, _)| line.contains(&word)).map(|(_, number)| number)
    }
}

#[async_trait]
impl SchemaProvider for ViewTables {
    fn table_names(&self) -> Vec<String> {
        self.names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.open(name).await
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.has(name).then_some(TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.has(name)
    }
}
