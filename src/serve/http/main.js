// Which view is shown: the one that the address names.

const VIEWS = [
  { path: "/", id: "view-overview", name: "Overview", show: showOverview },
  { path: "/coverage", id: "view-coverage", name: "Coverage", show: showCoverage },
  { path: "/candles", id: "view-candles", name: "Candles", show: showCandles },
  { path: "/tables", id: "view-tables", name: "Tables", show: showTables },
  { path: "/sql", id: "view-sql", name: "SQL", show: showSql },
];

const shownView = VIEWS.find((one) => one.path === location.pathname) ?? VIEWS[0];
replace(byId("views"), VIEWS.map((one) => make("a", { href: one.path, "aria-current": one === shownView ? "page" : null }, one.name)));
byId("foot").textContent = `lakehouse ${data.program}. Days and times are UTC.`;
byId(shownView.id).hidden = false;
shownView.show().catch((error) => {
  byId("foot").textContent = `The server does not answer: ${error.message}`;
});
