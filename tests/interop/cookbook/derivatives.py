"""Derivatives: basis, funding, open interest, liquidations, options."""

from datetime import datetime, timezone

from .common import FIRST_DAY, SECOND_DAY, as_of, grouped, mean, real
from .prices import bars_of, hour

DAYS_OF_YEAR = 365
HOURS_OF_YEAR = 24 * DAYS_OF_YEAR


def spot_perpetual(lake):
    perpetual, spot = bars_of(lake, "1h", "futures_um"), bars_of(lake, "1h", "spot")
    answer = []
    for symbol in sorted(perpetual.keys() & spot.keys()):
        closes = {row["open_time"]: row["close"] for row in spot[symbol]}
        for row in perpetual[symbol]:
            close = closes.get(row["open_time"])
            if close is not None:
                basis = real(10000 * (row["close"] - close), close)
                answer.append({"symbol": symbol, "open_time": row["open_time"], "basis_bps": basis})
    return answer


def mark_and_index(lake):
    wanted = {"market": "futures_cm", "bar_interval": "1m", "date": FIRST_DAY, "sort": ["symbol", "open_time"]}
    prices = lake.rows("silver.index_price_klines", **wanted)
    index = {(row["symbol"], row["open_time"]): row["close"] for row in prices}
    rows = []
    for row in lake.rows("silver.mark_price_klines", **wanted):
        price = index.get((row["symbol"].split("_")[0], row["open_time"]))
        if price is not None:
            rows.append(row | {"hour": hour(row["open_time"]), "basis": 10000 * (row["close"] / price - 1)})
    return [
        {
            "symbol": symbol,
            "hour": start,
            "mean_bps": mean(row["basis"] for row in minutes),
            "max_bps": float(max(row["basis"] for row in minutes)),
        }
        for (symbol, start), minutes in grouped(rows, "symbol", "hour").items()
    ]


def curve(lake):
    bars = bars_of(lake, "1d", "futures_um")
    answer = []
    for contract in lake.rows("gold.symbols", market="futures_um", contract_type="delivery", sort="symbol"):
        perpetual = bars[contract["base_asset"] + contract["quote_asset"]]
        closes = {row["open_time"]: row["close"] for row in perpetual}
        for row in bars.get(contract["symbol"], []):
            days = (contract["expiry"] - row["date"]).days
            premium = 100 * (row["close"] / closes[row["open_time"]] - 1) * DAYS_OF_YEAR
            found = {"symbol": row["symbol"], "open_time": row["open_time"], "expiry": contract["expiry"]}
            answer.append(found | {"annualised_percent": real(premium, days)})
    return answer


def funding(lake):
    rows = lake.rows("silver.funding_rate", market="futures_um", sort="calc_time")
    rows = [row for row in rows if row["date"].isoformat() >= "2026-05-25"]
    answer = []
    for (symbol, day), payments in grouped(rows, "symbol", "date").items():
        rate = sum(row["last_funding_rate"] for row in payments)
        hours = sum(row["funding_interval_hours"] for row in payments)
        annual = real(100 * rate * HOURS_OF_YEAR, hours)
        answer.append({"symbol": symbol, "date": day, "rate": rate, "annualised_percent": annual})
    return answer


def funding_in_force(lake):
    answer = []
    bars = bars_of(lake, "1h", "futures_um")
    for symbol in ("BTCUSDT", "ETHUSDT"):
        rates = lake.rows("silver.funding_rate", market="futures_um", symbol=symbol, sort="calc_time")
        for row in bars[symbol]:
            rate = as_of(rates, row["open_time"], "calc_time")
            found = {name: row[name] for name in ("symbol", "open_time", "close")}
            answer.append(found | {name: rate[name] for name in ("calc_time", "last_funding_rate")})
    return answer


def funding_paid(lake):
    marks = lake.rows("silver.mark_price_klines", market="futures_um", bar_interval="1m", sort="open_time")
    opens = {(row["symbol"], row["open_time"]): row["open"] for row in marks}
    rows = lake.rows("silver.funding_rate", market="futures_um", sort="calc_time")
    rows = [row for row in rows if row["date"] in (FIRST_DAY, SECOND_DAY)]
    answer = []
    for (symbol,), payments in grouped(rows, "symbol").items():
        minutes = [(row, row["calc_time"].replace(second=0, microsecond=0)) for row in payments]
        paid = [opens[symbol, minute] * row["last_funding_rate"] for row, minute in minutes]
        answer.append({"symbol": symbol, "payments": len(paid), "paid": sum(paid)})
    return answer


def known_metrics(lake):
    return lake.rows("silver.metrics", market="futures_um", sort="create_time")


def open_interest(lake):
    rows = [row | {"hour": hour(row["create_time"])} for row in known_metrics(lake) if row["sum_open_interest"] > 0]
    last = {place: hours[-1]["sum_open_interest"] for place, hours in grouped(rows, "symbol", "hour").items()}
    answer = []
    before = {}
    for (symbol, start), value in last.items():
        previous = before.get(symbol)
        before[symbol] = value
        change = None if previous is None else value - previous
        row = {"symbol": symbol, "hour": start, "open_interest": value, "change": change}
        answer.append(row | {"percent": None if change is None else real(100 * change, previous)})
    return answer


def price_and_open_interest(lake):
    bars = bars_of(lake, "1h", "futures_um")
    answer = []
    for symbol in ("BTCUSDT", "ETHUSDT"):
        metrics = [row for row in known_metrics(lake) if row["symbol"] == symbol]
        pairs = []
        for row in bars[symbol]:
            metric = as_of(metrics, row["close_time"], "create_time")
            if metric:
                pairs.append((row["close"], metric["sum_open_interest"]))
        counts = {}
        for (close, interest), (next_close, next_interest) in zip(pairs, pairs[1:]):
            if next_close != close and next_interest != interest:
                reading = READINGS[next_close > close, next_interest > interest]
                counts[reading] = counts.get(reading, 0) + 1
        answer += [{"symbol": symbol, "reading": name, "hours": counts[name]} for name in sorted(counts)]
    return answer


# By whether the price rises and whether the open interest does.
READINGS = {
    (True, True): "longs open",
    (True, False): "shorts close",
    (False, True): "shorts open",
    (False, False): "longs close",
}


def liquidations(lake):
    rows = lake.rows("silver.liquidation_snapshot", market="futures_um", sort="time")
    names = ("symbol", "side", "time", "accumulated_fill_quantity", "average_price")
    distinct = {tuple(row[name] for name in names): row for row in rows}
    return [
        {
            "symbol": symbol,
            "side": side,
            "orders": len(orders),
            "quantity": sum(row["accumulated_fill_quantity"] for row in orders),
            "notional": sum(row["accumulated_fill_quantity"] * row["average_price"] for row in orders),
        }
        for (symbol, side), orders in grouped(distinct.values(), "symbol", "side").items()
    ]


def smile(lake):
    noon = datetime(2023, 10, 23, 12, tzinfo=timezone.utc)
    rows = lake.rows("silver.eoh_summary", symbol="BTCUSDT", time=noon, sort="contract")
    return [
        {
            "expiry": expiry,
            "strike": strike,
            "call_iv": mean(row["mark_iv"] for row in options if row["type"] == "C"),
            "put_iv": mean(row["mark_iv"] for row in options if row["type"] == "P"),
        }
        for (expiry, strike), options in grouped(rows, "expiry", "strike").items()
    ]
