//! What is known of a symbol on a market: its price at any minute and the sizes of its ticks and
//! lots.
//!
//! Symbols of one coin share one price path on all markets; futures differ from it by a small
//! basis, which is also the premium. Prices are in hundred-millionths (1e-8) of the quote unless
//! they say ticks.

use lakehouse_core::names::market::{Market, Symbol};

use crate::SampleOptions;
use crate::noise::Noise;
use crate::walk::Walk;

/// One symbol of one market.
#[derive(Clone, Debug)]
pub(crate) struct Instrument {
    noise: Noise,
    sizes: Noise,
    path: Walk,
    basis: Option<Walk>,
    /// The price around which the path goes.
    base: i64,
    /// Decimals of a price.
    pub(crate) price_scale: u32,
    /// Decimals of a quantity.
    pub(crate) lot_scale: u32,
    /// The worth of one contract in the quote, where quantities are contracts.
    pub(crate) contract: Option<i64>,
    /// A small order, in lots.
    pub(crate) small_order: i64,
    /// Rows a day of the trades archive.
    pub(crate) trades_per_day: i64,
}

impl Instrument {
    pub(crate) fn new(options: &SampleOptions, market: Market, symbol: &Symbol) -> Self {
        let world = Noise::new(options.seed);
        let (coin, noise) = (coin(symbol), world.named(market.as_str()).named(symbol.as_str()));
        let shape = Shape::of(coin, market, world.named(coin));
        let basis = || Walk::new(noise.named("basis"), 10, 10_000);
        let lot = 10_i64.pow(shape.lot_scale);
        Self {
            noise,
            sizes: noise.named("lots"),
            path: Walk::new(world.named(coin).named("path"), 18, 250_000),
            basis: (market != Market::Spot && market != Market::Options).then(basis),
            base: shape.base,
            price_scale: shape.price_scale,
            lot_scale: shape.lot_scale,
            contract: shape.contract,
            small_order: shape.contract.map_or(20 * UNIT * lot / shape.base, |_| 1).max(1),
            trades_per_day: options.trades_per_day.max(1).into(),
        }
    }

    /// Returns the noise that belongs to this symbol on this market.
    pub(crate) const fn noise(&self) -> Noise {
        self.noise
    }

    /// Returns the price of the coin, the same on all markets.
    pub(crate) fn index(&self, minute: i64) -> i64 {
        times(self.base, BILLION + self.path.at(minute))
    }

    /// Returns by how much the symbol is dearer than the coin, as a ratio in 1e-8; 0 on spot.
    pub(crate) fn premium(&self, minute: i64) -> i64 {
        self.basis.as_ref().map_or(0, |basis| basis.at(minute) / 10)
    }

    /// Returns the symbol's own price: the mark price of futures.
    pub(crate) fn mark(&self, minute: i64) -> i64 {
        times(self.index(minute), BILLION + 10 * self.premium(minute))
    }

    /// Returns a price in ticks, one at least.
    pub(crate) fn ticks(&self, price: i64) -> i64 {
        (price / 10_i64.pow(PLACES - self.price_scale)).max(1)
    }

    /// Returns the quantity of a trade, in lots.
    pub(crate) fn lots(&self, trade: i64) -> i64 {
        1 + self.sizes.below(trade, self.small_order << (self.sizes.bits(!trade) % 8))
    }

    /// Returns what lots are worth at a price in ticks: quote with [`Self::worth_scale`] decimals,
    /// exactly, or coins rounded to 8 decimals where quantities are contracts.
    pub(crate) fn worth(&self, ticks: i64, lots: i64) -> i64 {
        let Some(contract) = self.contract else { return ticks * lots };
        let numerator = i128::from(contract * lots) * 10_i128.pow(PLACES + self.price_scale);
        ((numerator + i128::from(ticks / 2)) / i128::from(ticks)) as i64
    }

    /// Returns the decimals of [`Self::worth`].
    pub(crate) const fn worth_scale(&self) -> u32 {
        if self.contract.is_some() { PLACES } else { self.price_scale + self.lot_scale }
    }
}

/// The decimals of prices in this module.
pub(crate) const PLACES: u32 = 8;
const UNIT: i64 = 100_000_000;
const BILLION: i64 = 1_000_000_000;

/// Returns `price` times a ratio in billionths.
fn times(price: i64, ratio: i64) -> i64 {
    (i128::from(price) * i128::from(ratio) / i128::from(BILLION)) as i64
}

/// Returns the name of the price path: the coin where the quote is a dollar, otherwise the pair.
pub(crate) fn coin(symbol: &Symbol) -> &str {
    let pair = symbol.as_str().split('_').next().unwrap_or_default();
    let pair = pair.trim_end_matches("SETTLED");
    let dollars = ["FDUSD", "BUSD", "TUSD", "USDT", "USDC", "USD"];
    let coin = dollars.iter().find_map(|dollar| pair.strip_suffix(dollar)).unwrap_or(pair);
    coin.strip_suffix("BVOL").unwrap_or(coin)
}

/// How a coin is quoted: decimals of price and lot together are 8 at most, so that worths are
/// exact.
struct Shape {
    base: i64,
    price_scale: u32,
    lot_scale: u32,
    contract: Option<i64>,
}

impl Shape {
    fn of(coin: &str, market: Market, noise: Noise) -> Self {
        let (base, price_scale, lot_scale) = match coin {
            "BTC" => (60_000 * UNIT, 2, 5),
            "ETH" => (3_000 * UNIT, 2, 4),
            _ => {
                let decade = noise.below(0, 7) as u32;
                (noise.between(1, 100, 999) * 10_i64.pow(decade + 2), PLACES - decade, decade / 2)
            }
        };
        match market {
            Market::FuturesCm => {
                let contract = if coin == "BTC" { 100 } else { 10 };
                Self { base, price_scale, lot_scale: 0, contract: Some(contract) }
            }
            Market::FuturesUm => {
                Self { base, price_scale, lot_scale: lot_scale.min(3), contract: None }
            }
            Market::Spot | Market::Options => Self { base, price_scale, lot_scale, contract: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrument(market: Market, symbol: &str) -> Instrument {
        Instrument::new(&SampleOptions::default(), market, &symbol.parse().unwrap())
    }

    #[test]
    fn a_coin_has_one_price_on_all_markets_and_futures_a_small_basis() {
        let spot = instrument(Market::Spot, "BTCUSDT");
        for (market, symbol) in
            [(Market::FuturesUm, "BTCUSDT_260925"), (Market::FuturesCm, "BTCUSD_PERP")]
        {
            let future = instrument(market, symbol);
            let minute = 29_000_000;
            assert_eq!(future.index(minute), spot.index(minute));
            assert!(future.premium(minute).abs() < 200_000 && future.premium(minute) != 0);
            assert!((future.mark(minute) - spot.mark(minute)).abs() < spot.mark(minute) / 500);
        }
        assert_eq!(coin(&"BTCBVOLUSDT".parse().unwrap()), "BTC");
        assert_eq!(coin(&"ADABTC".parse().unwrap()), "ADABTC");
    }

    #[test]
    fn prices_of_unknown_coins_are_between_a_hundredth_of_a_cent_and_thousands() {
        for number in 0..200 {
            let symbol = format!("COIN{number}USDT");
            let it = instrument(Market::Spot, &symbol);
            assert!(
                it.ticks(it.mark(29_000_000)) > 5_000 && it.mark(29_000_000) < 2_000 * UNIT,
                "{it:?}"
            );
            assert!(it.price_scale + it.lot_scale <= 8);
        }
    }

    #[test]
    fn contracts_are_worth_coins() {
        let it = instrument(Market::FuturesCm, "BTCUSD_PERP");
        assert_eq!(it.worth(7_852_610, 83), 10_569_734);
    }
}
