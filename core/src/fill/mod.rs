//! Filling: what the archive does not have yet, from the exchange's REST API.
//!
//! [`Endpoints`] says where the API has which data type, [`FillPlan`] which ranges of time are
//! missing and how they are requested, and [`read_answer`] turns an answer into rows of the same
//! columns as silver's. Nothing here sends a request or knows a table.

mod answer;
mod endpoint;
mod plan;
mod range;
mod weight;

pub use answer::{Answer, AnswerError, read_answer};
pub(crate) use endpoint::API_FILE;
pub use endpoint::{Endpoint, Endpoints};
pub use plan::{ApiRequest, FillPlan, LONGEST_WINDOW, SeriesFill, SeriesState};
pub use range::TimeRange;
pub use weight::WeightBudget;

#[cfg(test)]
mod tests;
