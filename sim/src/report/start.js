// Draws the page. `data-ready` on the root says that all of it is there; what fails is said in the page.

function listenToTheme() {
  const root = document.documentElement, button = at("theme"), query = matchMedia("(prefers-color-scheme: dark)");
  const put = (isDark) => {
    root.dataset.theme = isDark ? "dark" : "light";
    button.textContent = isDark ? "Light" : "Dark";
    button.setAttribute("aria-label", isDark ? "Switch to light colours" : "Switch to dark colours");
    if (ladder.pair) paint();
  };
  put(query.matches);
  button.onclick = () => put(root.dataset.theme !== "dark");
  query.addEventListener("change", () => put(query.matches));
}

try {
  listenToTheme();
  showHead(); showCards(); showTraffic(); showLatency(); showConnection(); showLadder(); showConnections(); showLog(); showAll();
  at("footer").textContent = `Made by ${data.made_by}. The same command gives the same page, byte for byte.`;
  if (ladder.pair) paintAll();
  document.documentElement.dataset.ready = "true";
} catch (error) {
  document.body.prepend(make("div", { class: "problem", role: "alert", text: "This page failed to draw itself: " + error + "\n" + error.stack }));
  throw error;
}
