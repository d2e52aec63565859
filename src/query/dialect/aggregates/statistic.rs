//! Which statistics there are, and how each follows from the same few sums.
//!
//! Where a statistic has no value the answer is PostgreSQL's: NULL, and never NaN.

/// A function of one or two columns. Of two columns the first is the dependent one (y).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Statistic {
    VarianceOfSample,
    VarianceOfPopulation,
    DeviationOfSample,
    DeviationOfPopulation,
    CovarianceOfSample,
    CovarianceOfPopulation,
    Correlation,
    Count,
    MeanOfX,
    MeanOfY,
    SquaresOfX,
    SquaresOfY,
    Products,
    Determination,
    Slope,
    Intercept,
}

/// What all statistics are computed from: the number of rows, the means, and the sums of squares
/// and products of the deviations from them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Summary {
    pub(super) count: u64,
    pub(super) mean_x: f64,
    pub(super) mean_y: f64,
    pub(super) xx: f64,
    pub(super) yy: f64,
    pub(super) xy: f64,
}

impl Statistic {
    pub(super) const ALL: [Self; 16] = [
        Self::VarianceOfSample,
        Self::VarianceOfPopulation,
        Self::DeviationOfSample,
        Self::DeviationOfPopulation,
        Self::CovarianceOfSample,
        Self::CovarianceOfPopulation,
        Self::Correlation,
        Self::Count,
        Self::MeanOfX,
        Self::MeanOfY,
        Self::SquaresOfX,
        Self::SquaresOfY,
        Self::Products,
        Self::Determination,
        Self::Slope,
        Self::Intercept,
    ];

    /// Returns the names in SQL, the first of which names the column of an answer.
    pub(super) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::VarianceOfSample => &["var", "var_samp", "var_sample", "variance"],
            Self::VarianceOfPopulation => &["var_pop", "var_population"],
            Self::DeviationOfSample => &["stddev", "stddev_samp"],
            Self::DeviationOfPopulation => &["stddev_pop"],
            Self::CovarianceOfSample => &["covar_samp", "covar"],
            Self::CovarianceOfPopulation => &["covar_pop"],
            Self::Correlation => &["corr"],
            Self::Count => &["regr_count"],
            Self::MeanOfX => &["regr_avgx"],
            Self::MeanOfY => &["regr_avgy"],
            Self::SquaresOfX => &["regr_sxx"],
            Self::SquaresOfY => &["regr_syy"],
            Self::Products => &["regr_sxy"],
            Self::Determination => &["regr_r2"],
            Self::Slope => &["regr_slope"],
            Self::Intercept => &["regr_intercept"],
        }
    }

    /// Returns how many columns the statistic is of.
    pub(super) const fn columns(self) -> usize {
        match self {
            Self::VarianceOfSample
            | Self::VarianceOfPopulation
            | Self::DeviationOfSample
            | Self::DeviationOfPopulation => 1,
            _ => 2,
        }
    }

    /// Returns the value, or nothing where there is none. A count has another type, see `Task`.
    pub(super) fn value(self, of: &Summary) -> Option<f64> {
        let sample = of.count.checked_sub(1).filter(|rows| *rows > 0);
        let population = Some(of.count).filter(|rows| *rows > 0);
        match self {
            Self::VarianceOfSample => per(of.xx, sample),
            Self::VarianceOfPopulation => per(of.xx, population),
            Self::DeviationOfSample => per(of.xx, sample).map(f64::sqrt),
            Self::DeviationOfPopulation => per(of.xx, population).map(f64::sqrt),
            Self::CovarianceOfSample => per(of.xy, sample),
            Self::CovarianceOfPopulation => per(of.xy, population),
            Self::Correlation => correlation(of),
            Self::Count => population.map(as_double),
            Self::MeanOfX => population.map(|_| of.mean_x),
            Self::MeanOfY => population.map(|_| of.mean_y),
            Self::SquaresOfX => population.map(|_| of.xx),
            Self::SquaresOfY => population.map(|_| of.yy),
            Self::Products => population.map(|_| of.xy),
            Self::Determination => determination(of),
            Self::Slope => slope(of),
            Self::Intercept => slope(of).map(|slope| slope.mul_add(-of.mean_x, of.mean_y)),
        }
    }
}

fn per(sum: f64, rows: Option<u64>) -> Option<f64> {
    rows.map(|rows| sum / as_double(rows))
}

/// Rounding may put a perfect correlation just outside of its range.
fn correlation(of: &Summary) -> Option<f64> {
    if of.xx == 0.0 || of.yy == 0.0 {
        return None;
    }
    Some((of.xy / of.xx.sqrt() / of.yy.sqrt()).clamp(-1.0, 1.0))
}

fn determination(of: &Summary) -> Option<f64> {
    if of.xx == 0.0 {
        return None;
    }
    correlation(of).map_or(Some(1.0), |correlation| Some(correlation * correlation))
}

fn slope(of: &Summary) -> Option<f64> {
    (of.xx != 0.0).then(|| of.xy / of.xx)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^53")]
pub(super) const fn as_double(rows: u64) -> f64 {
    rows as f64
}
