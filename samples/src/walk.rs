//! A random walk whose level at any minute is found without the minutes before it.
//!
//! It is the sum of interpolated noise at doubling time scales, each wider than the one below it by
//! the square root of two: over hours and days that looks like a price.

use crate::noise::Noise;

/// A walk around zero, in billionths.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    noise: Noise,
    /// The height of each time scale: 1, 2, 4, … minutes.
    heights: Vec<i64>,
}

impl Walk {
    /// Makes a walk with steps of about `step` billionths a minute, over `scales` doublings of a
    /// minute.
    ///
    /// It stays within about 2.4 × `step` × 2^(`scales` / 2) of zero.
    pub(crate) fn new(noise: Noise, scales: u32, step: i64) -> Self {
        let root = |scale| if scale % 2 == 0 { 1_000_000 } else { 1_414_214 };
        let heights =
            (0..scales).map(|scale| (step << (scale / 2)) * root(scale) / 1_000_000).collect();
        Self { noise, heights }
    }

    /// Returns where the walk is at the beginning of a minute since 1970.
    pub(crate) fn at(&self, minute: i64) -> i64 {
        self.heights
            .iter()
            .zip(0..)
            .map(|(height, scale)| height * self.wave(scale, minute) / WAVE)
            .sum()
    }

    fn wave(&self, scale: u32, minute: i64) -> i64 {
        let (cell, within) = (minute >> scale, minute & ((1 << scale) - 1));
        let corner = |cell: i64| self.noise.between((cell << 6) | i64::from(scale), -WAVE, WAVE);
        if within == 0 {
            return corner(cell);
        }
        (corner(cell) * ((1 << scale) - within) + corner(cell + 1) * within) >> scale
    }
}

const WAVE: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_minutes_are_near_and_far_ones_are_not() {
        let walk = Walk::new(Noise::new(3), 18, 250_000);
        let range = |step: usize| {
            let levels: Vec<i64> =
                (28_000_000..28_200_000).step_by(step).map(|minute| walk.at(minute)).collect();
            levels.windows(2).map(|pair| (pair[0] - pair[1]).abs()).sum::<i64>()
                / (levels.len() as i64 - 1)
        };
        assert!(range(1) < 2_000_000, "{}", range(1));
        assert!(range(1_440) > 4 * range(1), "{} {}", range(1_440), range(1));
    }

    #[test]
    fn a_walk_never_leaves_its_bounds() {
        let walk = Walk::new(Noise::new(9), 18, 250_000);
        let most =
            (0..20_000_000).step_by(9_973).map(|minute| walk.at(minute).abs()).max().unwrap();
        assert!(most < 400_000_000, "{most}");
        assert!(most > 30_000_000, "{most}");
    }
}
