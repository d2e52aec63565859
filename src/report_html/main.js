// Everything in its order.

byId("made").textContent = `What the lake held on ${instant(data.made_at)} UTC`;
byId("foot").textContent = `Made by lakehouse ${data.program} from the lake's own tables. Days are UTC.`;
showTotals();
startCoverage();
startPrices();
showLists();
if (all.length > 0) {
  const most = all.reduce((a, b) => (b.held > a.held ? b : a));
  view.chosen = most;
  showHeat();
  showDays(most);
  showChartOf(most);
}
