"""Volatility beside its index: for each symbol and day, the index of the asset that is priced in dollars."""

from .bvol_daily import indexes
from .common import compare
from .realised_volatility_daily import volatilities

DOLLARS = ["USD", "USDT", "USDC", "BUSD", "FDUSD", "TUSD", "USDP", "USD1"]
BESIDE = {"symbol": "bvol_symbol", "open": "bvol_open", "high": "bvol_high", "low": "bvol_low"}
BESIDE |= {"close": "bvol_close", "mean": "bvol_mean"}


def check(lake, archives):
    beside = {(row["asset"], row["date"]): {BESIDE[name]: row[name] for name in BESIDE} for row in indexes(archives)}
    assets = {asset for asset, _ in beside}
    expected = []
    for row in volatilities(archives):
        del row["realised_variance"], row["bars"]
        index = beside.get((priced_in_dollars(row["symbol"], assets), row["date"]), dict.fromkeys(BESIDE.values()))
        expected.append(row | index)
    compare(lake, "volatility_daily", ["market", "symbol", "date"], expected)


def priced_in_dollars(symbol, assets):
    """The asset of a symbol, if it is one of those and its quote asset is a dollar."""
    pairs = {asset + dollar: asset for asset in assets for dollar in DOLLARS}
    return pairs.get(symbol.split("_")[0])
