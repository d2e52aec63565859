"""Several symbols."""

from .common import FIRST_DAY, SECOND_DAY, correlation, grouped, log_returns, real, slope
from .prices import bars_of


def changes_of(lake, interval):
    """Logarithmic returns by symbol and time."""
    found = {}
    for symbol, rows in bars_of(lake, interval).items():
        changes = log_returns([row["close"] for row in rows])
        found[symbol] = {row["open_time"]: change for row, change in zip(rows, changes)}
    return found


def rolling_beta(lake):
    changes = changes_of(lake, "1m")
    times = sorted(changes["BTCUSDT"].keys() & changes["ETHUSDT"].keys())
    pairs = [(changes["ETHUSDT"][time], changes["BTCUSDT"][time]) for time in times]
    answer = []
    for place in range(120, len(times)):
        window = pairs[place - 119 : place + 1]
        answer.append({"open_time": times[place], "beta": slope(window), "correlation": correlation(window)})
    return answer


def correlations(lake):
    changes = changes_of(lake, "1h")
    answer = []
    for first in sorted(changes):
        for second in sorted(symbol for symbol in changes if symbol > first):
            both = sorted(changes[first].keys() & changes[second].keys())
            pairs = [(changes[first][time], changes[second][time]) for time in both]
            pairs = [pair for pair in pairs if None not in pair]
            row = {"first_symbol": first, "second_symbol": second, "correlation": correlation(pairs)}
            answer.append(row | {"hours": len(pairs)})
    return answer


def top_movers(lake):
    rows = lake.rows("gold.daily_ohlcv", date=SECOND_DAY, sort=["market", "symbol"])
    rows = [
        {name: row[name] for name in ("market", "symbol", "open", "close")}
        | {"change": real(row["close"] - row["open"], row["open"])}
        for row in rows
    ]
    return sorted(rows, key=lambda row: -abs(row["change"]))[:5]


def ranks(lake):
    rows = lake.rows(
        "silver.klines", market="futures_um", bar_interval="1h", date=FIRST_DAY, sort=["open_time", "symbol"]
    )
    answer = []
    for (time,), bars in grouped(rows, "open_time").items():
        highest = max(row["close"] / row["open"] for row in bars)
        for row in bars:
            if row["close"] / row["open"] == highest:
                change = real(row["close"] - row["open"], row["open"])
                answer.append({"open_time": time, "symbol": row["symbol"], "change": change, "place": 1})
    return answer


def pair_price(lake):
    bars = bars_of(lake, "1h")
    bitcoin = {row["open_time"]: row["close"] for row in bars["BTCUSDT"]}
    return [
        {"open_time": row["open_time"], "eth_in_btc": real(row["close"], bitcoin[row["open_time"]])}
        for row in bars["ETHUSDT"]
        if row["open_time"] in bitcoin
    ]


def turnover(lake):
    answer = []
    for market in ("futures_um", "spot"):
        rows = lake.rows("gold.daily_ohlcv", market=market, sort="symbol")
        sums = {symbol: sum(row["quote_volume"] for row in days) for (symbol,), days in grouped(rows, "symbol").items()}
        total = sum(sums.values())
        for symbol, value in sorted(sums.items(), key=lambda entry: (-entry[1], entry[0])):
            row = {"market": market, "symbol": symbol, "turnover": value, "percent": real(100 * value, total)}
            answer.append(row)
    return answer
