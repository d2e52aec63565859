"""Pages made from a real one: the same page with other data."""

import json
import random

OPENING = '<script type="application/json" id="data">'


def data_of(page):
    """Returns the data that a page embeds."""
    _, rest = page.split(OPENING, 1)
    return json.loads(rest.split("</script>", 1)[0])


def with_data(page, data):
    """Returns the page with these data in place of its own."""
    before, rest = page.split(OPENING, 1)
    _, after = rest.split("</script>", 1)
    text = json.dumps(data).replace("<", "\\u003c")
    return f"{before}{OPENING}{text}</script>{after}"


def many_series(data, symbols=700):
    """Returns data of a large lake: many symbols listed at different times, with gaps of every kind."""
    chance = random.Random(7)
    kinds = [("spot", "klines", "1h"), ("spot", "aggTrades", None), ("futures_um", "klines", "1h"),
             ("futures_um", "metrics", None)]
    series = [one_series(chance, kind, f"COIN{at:03}USDT") for kind in kinds for at in range(symbols)]
    totals = {
        **data["totals"],
        "series": len(series),
        "days": sum(one["held"] for one in series),
        "missing": sum(one["missing"] for one in series),
        "failed": sum(one["failed"] for one in series),
        "rows": sum(one["rows"] for one in series),
    }
    archive = "data/spot/daily/klines/COIN001USDT/1h/COIN001USDT-1h-2024-03-02.zip"
    failure = {"archive": archive, "status": "failed", "recorded_at": "2026-11-20T01:02:03Z", "run": "r",
               "reason": "503 Service Unavailable from https://data.example/ after 6 tries <b>not bold</b>"}
    reject = {"archive": archive, "column": "volume", "reason": "has more than 8 decimal places", "rows": 12, "line": 3,
              "value": "0.123456789"}
    correction = {"archive": archive, "old_sha256": "0123456789abcdef" * 4, "new_sha256": "fedcba9876543210" * 4,
                  "rows_added": 3, "rows_removed": 0, "rows_changed": 21, "committed_at": "2026-11-20T01:02:03Z"}
    return {
        **data,
        "totals": totals,
        "series": series,
        "failures": {"rows": [failure] * 45, "total": 1234},
        "rejects": {"rows": [reject] * 3, "total": 3},
        "corrections": {"rows": [correction] * 2, "total": 2},
    }


def one_series(chance, kind, symbol):
    """Makes one series: mostly held, with some gaps between."""
    market, data_type, interval = kind
    year, month = chance.randint(2018, 2024), chance.randint(1, 12)
    runs, details, held, missing = [], [], 0, 0
    for _ in range(chance.randint(1, 12)):
        length = chance.randint(20, 200)
        runs.append(f"{length}h")
        held += length
        gap, code = chance.choice([(1, "u"), (1, "n"), (2, "f"), (9, "n"), (30, "u"), (3, "p"), (1, "e")])
        if code == "f":
            details.append([len(runs), "503 Service Unavailable"])
        runs.append(f"{gap}{code}")
        missing += 0 if code == "p" else gap
    runs.append("7h")
    return {
        "market": market, "data_type": data_type, "symbol": symbol, "interval": interval, "held": held + 7,
        "missing": missing, "archives": held, "failed": len(details), "rows": held * 24, "rejected_rows": 0,
        "bytes": held * 2345, "behind": 3, "start": f"{year}-{month:02}-01", "runs": "".join(runs), "details": details,
    }
