//! Models in the order in which they are built: what one reads is built before it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Model, ModelError, Partitioning};
use crate::embedded::GOLD_FILES;
use crate::names::table::{Layer, TableName};

/// All models: those that can be built, each after those that it reads, and those that cannot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Models {
    models: Vec<Model>,
    broken: Vec<BrokenModel>,
}

/// A model that cannot be built as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenModel {
    /// The table that it would be.
    pub name: String,
    pub error: ModelError,
}

impl Models {
    /// Reads the models that the program was built with and those of a user, as pairs of a file and
    /// its text.
    ///
    /// `tables` are the silver and meta tables that a model may read. A user's model cannot take
    /// the name of one of the program's: other models read that one, and rely on what its columns
    /// mean.
    #[must_use]
    pub fn new(own: &[(String, String)], tables: &BTreeSet<TableName>) -> Self {
        let builtin = GOLD_FILES
            .iter()
            .map(|(file, text)| (format!("schemas/gold/{file}"), (*text).to_owned()));
        let taken: BTreeSet<&str> =
            GOLD_FILES.iter().map(|(file, _)| file.trim_end_matches(".sql")).collect();
        let mut files: Vec<(String, String)> = builtin.collect();
        let mut broken = Vec::new();
        for (file, text) in own {
            let name = name_of(file);
            if taken.contains(name.as_str()) {
                let message =
                    format!("gold.{name} is a model of the program; give the file another name");
                broken.push(BrokenModel { name, error: ModelError::new(file, 1, message) });
            } else {
                files.push((file.clone(), text.clone()));
            }
        }
        Self::arrange(&files, broken, tables)
    }

    /// Reads models from files, without those of the program.
    #[must_use]
    pub fn parse(files: &[(String, String)], tables: &BTreeSet<TableName>) -> Self {
        Self::arrange(files, Vec::new(), tables)
    }

    fn arrange(
        files: &[(String, String)],
        mut broken: Vec<BrokenModel>,
        tables: &BTreeSet<TableName>,
    ) -> Self {
        let mut models = BTreeMap::new();
        for (file, text) in files {
            match Model::parse(file, text) {
                Ok(model) => drop(models.insert(model.name.clone(), model)),
                Err(error) => broken.push(BrokenModel { name: name_of(file), error }),
            }
        }
        let names: BTreeSet<String> =
            models.keys().chain(broken.iter().map(|model| &model.name)).cloned().collect();
        let known = |input: &TableName| {
            match input.layer {
                Layer::Gold => names.contains(&input.name),
                // It has what silver has, whether there is such a table by now or not.
                Layer::Recent => tables.contains(&TableName::new(Layer::Silver, &input.name)),
                Layer::Silver | Layer::Meta => tables.contains(input),
            }
        };
        let wrong: Vec<BrokenModel> =
            models.values().filter_map(|model| problem(model, &models, &known, tables)).collect();
        for model in wrong {
            models.remove(&model.name);
            broken.push(model);
        }
        broken.sort_by(|a, b| a.name.cmp(&b.name));
        Self { models: ordered(models), broken }
    }

    /// Returns the models that can be built, in an order in which each comes after those that it
    /// reads.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// Returns the models that cannot be built, by their names.
    #[must_use]
    pub fn broken(&self) -> &[BrokenModel] {
        &self.broken
    }

    /// Returns a model by its table's name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }

    /// Returns the names of every model, broken ones included.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        let broken = self.broken.iter().map(|model| model.name.as_str());
        self.models.iter().map(Model::name).chain(broken).collect()
    }

    /// Returns models and everything that they read, directly or not.
    #[must_use]
    pub fn with_upstream<'a>(
        &'a self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> BTreeSet<&'a str> {
        let (mut wanted, mut open): (BTreeSet<&str>, Vec<&str>) =
            (BTreeSet::new(), names.into_iter().collect());
        while let Some(name) = open.pop() {
            if wanted.insert(name)
                && let Some(model) = self.get(name)
            {
                open.extend(upstream(model));
            }
        }
        wanted
    }

    /// Returns the models that provisional rows may change, directly or through others.
    #[must_use]
    pub fn with_provisional(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        // Each comes after those that it reads.
        for model in &self.models {
            let reads_one = upstream(model).any(|name| names.contains(name));
            if reads_one || !model.with_provisional().is_empty() {
                names.insert(model.name());
            }
        }
        names
    }
}

/// Returns the models that a model reads.
fn upstream(model: &Model) -> impl Iterator<Item = &str> {
    let of_gold = model.inputs().iter().filter(|input| input.layer == Layer::Gold);
    of_gold.map(|input| input.name.as_str())
}

fn name_of(file: &str) -> String {
    Path::new(file).file_stem().and_then(|name| name.to_str()).unwrap_or(file).to_owned()
}

fn problem(
    model: &Model,
    models: &BTreeMap<String, Model>,
    known: &impl Fn(&TableName) -> bool,
    tables: &BTreeSet<TableName>,
) -> Option<BrokenModel> {
    let broken = |message: String| {
        Some(BrokenModel { name: model.name.clone(), error: model.inputs_error(message) })
    };
    if let Some(input) = model.inputs().iter().find(|input| !known(input)) {
        let gold = models.keys().map(|name| format!("gold.{name}"));
        let there =
            tables.iter().map(ToString::to_string).chain(gold).collect::<Vec<_>>().join(", ");
        let input = model.written_name(input);
        return broken(format!("unknown input `{input}`; expected one of {there}"));
    }
    let has_days = |input: &TableName| match input.layer {
        Layer::Silver | Layer::Recent => true,
        Layer::Gold => models
            .get(&input.name)
            .is_none_or(|model| model.partitioning == Partitioning::MarketAndDate),
        Layer::Meta => false,
    };
    if model.partitioning == Partitioning::MarketAndDate && !model.inputs().iter().any(has_days) {
        return broken(
            "none of the inputs has a market and a date to go by; say `partitions: none`"
                .to_owned(),
        );
    }
    let cycle = cycle(model, models)?;
    broken(format!("the model reads itself: {}", cycle.join(" reads ")))
}

/// Returns the way from a model back to itself.
fn cycle(model: &Model, models: &BTreeMap<String, Model>) -> Option<Vec<String>> {
    let mut ways = vec![vec![model.name.as_str()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        let Some(last) = way.last().and_then(|name| models.get(*name)) else { continue };
        for next in upstream(last) {
            let longer: Vec<&str> = way.iter().copied().chain([next]).collect();
            if next == model.name {
                return Some(longer.iter().map(|name| format!("gold.{name}")).collect());
            }
            if seen.insert(next) {
                ways.push(longer);
            }
        }
    }
    None
}

/// Orders models that do not read themselves: by name, but none before what it reads.
fn ordered(mut models: BTreeMap<String, Model>) -> Vec<Model> {
    let mut ordered: Vec<Model> = Vec::with_capacity(models.len());
    while !models.is_empty() {
        let ready =
            models.values().find(|model| upstream(model).all(|name| !models.contains_key(name)));
        let Some(name) = ready.map(|model| model.name.clone()) else { break };
        ordered.extend(models.remove(&name));
    }
    ordered
}
