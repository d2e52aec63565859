// Which view is shown: the one that the address names.

const VIEWS = [
  { path: "/tables", id: "view-tables", name: "Tables", show: showTables },
  { path: "/sql", id: "view-sql", name: "SQL", show: showSql },
];

const view = VIEWS.find((one) => one.path === location.pathname) ?? VIEWS[0];
replace(byId("views"), VIEWS.map((one) => make("a", { href: one.path, "aria-current": one === view ? "page" : null }, one.name)));
byId("foot").textContent = `lakehouse ${data.program}`;
byId(view.id).hidden = false;
view.show().catch((error) => {
  byId("foot").textContent = `The server does not answer: ${error.message}`;
});
