//! From the tree of a configuration file to its options.
//!
//! One table says which options there are, in both formats; a name that is not in it is refused.

use std::collections::BTreeMap;

use super::{FileIntervals, FileOptions, Located, external};
use crate::config::data_file::DataFileError;
use crate::config::tree::{Node, NodeReader};
use crate::names::market::{Market, NameError};
use crate::names::period::DateRange;
use crate::selection::{SymbolFilter, SymbolList};

type ReadOption = fn(&mut FileOptions, NodeReader<'_>) -> Result<(), DataFileError>;

const OPTIONS: &[(&str, ReadOption)] = &[
    ("markets", |options, value| put(&mut options.markets, markets(value)?)),
    ("data_types", |options, value| put(&mut options.data_types, located(value)?)),
    ("symbols", |options, value| put(&mut options.symbols, symbols(value)?)),
    ("intervals", |options, value| put(&mut options.intervals, intervals(value)?)),
    ("date_range", |options, value| put(&mut options.dates, date_range(value)?)),
    ("last", |options, value| put(&mut options.last, value.named()?)),
    ("frequency", |options, value| put(&mut options.frequency, value.named()?)),
    ("lake", lake),
    ("output_directory", lake),
    ("gold_models", |options, value| put(&mut options.gold_models, value.text()?.to_owned())),
    ("audit_checks", |options, value| put(&mut options.audit_checks, value.text()?.to_owned())),
    ("views", |options, value| put(&mut options.views, value.text()?.to_owned())),
    ("source", |options, value| put(&mut options.source, value.text()?.to_owned())),
    ("listing", |options, value| put(&mut options.listing, value.text()?.to_owned())),
    ("api", |options, value| put(&mut options.api, value.text()?.to_owned())),
    ("matrix_path", |options, value| put(&mut options.matrix_path, value.text()?.to_owned())),
    ("batch_size", |options, value| put(&mut options.batch_size, value.number(1)?)),
    ("max_parallel_downloads", |options, value| {
        put(&mut options.max_parallel_downloads, value.number(1)?)
    }),
    ("timeout_seconds", |options, value| put(&mut options.timeout_seconds, value.number(1)?)),
    ("retries", |options, value| put(&mut options.retries, value.number(0)?)),
    ("bandwidth", |options, value| put(&mut options.bandwidth, value.text()?.to_owned())),
    ("checksum", |options, value| put(&mut options.checksum, value.flag()?)),
    ("download_checksum", |options, value| put(&mut options.checksum, value.flag()?)),
    ("bronze", |options, value| put(&mut options.bronze, value.named()?)),
    ("resume", |options, value| put(&mut options.resume, value.flag()?)),
    ("enable_resume", |options, value| put(&mut options.resume, value.flag()?)),
    ("workflow_type", external::workflow_type),
    ("enable_batch_mode", external::enable_batch_mode),
    ("part_size_mb", external::part_size_mb),
    ("s5cmd_extra_args", external::s5cmd_extra_args),
];

/// Two spellings of one option: the second is for existing configurations.
const SYNONYMS: [(&str, &str); 3] =
    [("lake", "output_directory"), ("checksum", "download_checksum"), ("resume", "enable_resume")];

/// Reads a whole file.
pub(super) fn options(file: &str, root: &Node) -> Result<FileOptions, DataFileError> {
    let mut options = FileOptions { file: file.to_owned(), ..FileOptions::default() };
    let root = NodeReader { file, node: root };
    let mut seen = Vec::new();
    for member in root.members()? {
        let Some((name, read)) = OPTIONS.iter().find(|(name, _)| *name == member.name()) else {
            return Err(unknown(member, "option", OPTIONS.iter().map(|(name, _)| *name)));
        };
        if !member.is_null() {
            read(&mut options, member)?;
            options.lines.insert(first_spelling(name), member.node.line);
            seen.push((*name, member));
        }
    }
    refuse_contradictions(&seen)?;
    Ok(options)
}

/// Returns the project's own spelling of an option.
fn first_spelling(name: &'static str) -> &'static str {
    SYNONYMS.iter().find(|(_, other)| *other == name).map_or(name, |(first, _)| first)
}

/// Makes the error for a name that a table does not have.
pub(super) fn unknown(
    member: NodeReader<'_>,
    what: &'static str,
    valid: impl Iterator<Item = &'static str>,
) -> DataFileError {
    let valid = valid.collect::<Vec<_>>().join(", ");
    member.error(NameError::new(what, member.name(), valid))
}

fn refuse_contradictions(seen: &[(&str, NodeReader<'_>)]) -> Result<(), DataFileError> {
    let find = |name: &str| seen.iter().find(|(known, _)| *known == name).map(|(_, member)| member);
    for (name, other) in SYNONYMS.into_iter().chain([("date_range", "last")]) {
        if let (Some(_), Some(member)) = (find(name), find(other)) {
            return Err(
                member.error(format_args!("`{name}` says it already; leave one of the two out"))
            );
        }
    }
    Ok(())
}

fn put<T>(option: &mut Option<T>, value: T) -> Result<(), DataFileError> {
    *option = Some(value);
    Ok(())
}

fn lake(options: &mut FileOptions, value: NodeReader<'_>) -> Result<(), DataFileError> {
    put(&mut options.lake, value.text()?.to_owned())
}

fn markets(value: NodeReader<'_>) -> Result<Vec<Market>, DataFileError> {
    value.items()?.map(NodeReader::named).collect()
}

fn located(value: NodeReader<'_>) -> Result<Vec<Located>, DataFileError> {
    value.items()?.map(|item| Ok(place(item, item.text()?))).collect()
}

fn place(reader: NodeReader<'_>, text: &str) -> Located {
    Located { text: text.to_owned(), line: reader.node.line, key: reader.node.key.clone() }
}

fn symbols(value: NodeReader<'_>) -> Result<SymbolFilter, DataFileError> {
    if !value.is_table() {
        return symbol_list(value).map(SymbolFilter::Everywhere);
    }
    let mut lists = BTreeMap::new();
    for member in value.members()? {
        let market = member.name().parse().map_err(|problem: NameError| member.error(problem))?;
        lists.insert(market, symbol_list(member)?);
    }
    Ok(SymbolFilter::PerMarket(lists))
}

fn symbol_list(value: NodeReader<'_>) -> Result<SymbolList, DataFileError> {
    let mut patterns = Vec::new();
    for item in value.items()? {
        let pattern = item.text()?;
        SymbolList::parse(&[pattern]).map_err(|problem| item.error(problem))?;
        patterns.push(pattern);
    }
    SymbolList::parse(&patterns).map_err(|problem| value.error(problem))
}

fn intervals(value: NodeReader<'_>) -> Result<FileIntervals, DataFileError> {
    if !value.is_table() {
        return located(value).map(FileIntervals::Everywhere);
    }
    let lists = value.members()?.map(|member| Ok((place(member, member.name()), located(member)?)));
    lists.collect::<Result<_, DataFileError>>().map(FileIntervals::PerDataType)
}

fn date_range(value: NodeReader<'_>) -> Result<DateRange, DataFileError> {
    let (mut start, mut end) = (None, None);
    for member in value.members()? {
        match member.name() {
            "start" => start = Some(member.text()?),
            "end" => end = Some(member.text()?),
            _ => return Err(unknown(member, "option", ["start", "end"].into_iter())),
        }
    }
    DateRange::parse(start, end).map_err(|problem| value.error(problem))
}
