//! A file's wishes as a selection, once the matrix is known.
//!
//! Names that the matrix does not have are refused here, at their lines.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{FileIntervals, FileOptions, Located};
use crate::config::data_file::DataFileError;
use crate::matrix::Matrix;
use crate::names::market::{DataType, NameError};
use crate::selection::{IntervalFilter, Selection, known_intervals, parse_known};

impl FileOptions {
    /// Returns what the file selects; `today` counts for `last` only.
    ///
    /// # Errors
    ///
    /// A data type that the matrix does not have, and an interval that no market has of its data
    /// type.
    pub fn selection(&self, matrix: &Matrix, today: NaiveDate) -> Result<Selection, DataFileError> {
        let data_types = self.data_types.iter().flatten().map(|name| self.data_type(matrix, name));
        Ok(Selection {
            markets: self.markets.clone().unwrap_or_default(),
            data_types: data_types.collect::<Result<_, _>>()?,
            symbols: self.symbols.clone().unwrap_or_default(),
            intervals: self.interval_filter(matrix)?,
            dates: self.date_range(today),
            frequency: self.frequency.unwrap_or_default(),
        })
    }

    fn data_type(&self, matrix: &Matrix, name: &Located) -> Result<DataType, DataFileError> {
        matrix.data_type(&name.text).map_err(|problem| self.error(name, &problem))
    }

    fn interval_filter(&self, matrix: &Matrix) -> Result<IntervalFilter, DataFileError> {
        let spellings =
            |names: &[Located]| names.iter().map(|name| name.text.clone()).collect::<Vec<_>>();
        let lists = match &self.intervals {
            None => return Ok(IntervalFilter::default()),
            Some(FileIntervals::Everywhere(names)) => {
                return Ok(IntervalFilter::Everywhere(spellings(names)));
            }
            Some(FileIntervals::PerDataType(lists)) => lists,
        };
        let mut filter: BTreeMap<DataType, Vec<String>> = BTreeMap::new();
        for (name, intervals) in lists {
            let data_type = self.data_type(matrix, name)?;
            self.check_intervals(matrix, &data_type, intervals)?;
            filter.entry(data_type).or_default().extend(spellings(intervals));
        }
        Ok(IntervalFilter::PerDataType(filter))
    }

    /// Leaves data types without intervals alone: what is requested of them becomes a note later.
    fn check_intervals(
        &self,
        matrix: &Matrix,
        data_type: &DataType,
        names: &[Located],
    ) -> Result<(), DataFileError> {
        let known = known_intervals(matrix, data_type);
        for name in names.iter().filter(|_| !known.is_empty()) {
            parse_known(&name.text, &known).map_err(|problem| self.error(name, &problem))?;
        }
        Ok(())
    }

    fn error(&self, name: &Located, problem: &NameError) -> DataFileError {
        DataFileError {
            file: self.file.clone(),
            line: name.line,
            key: name.key.clone(),
            message: problem.to_string(),
        }
    }
}
