// Which view the address asks for, and the theme.
"use strict";
(() => {
  /** @type {HTMLElement} */
  const main = ftc.at("view");
  const trouble = ftc.at("trouble");
  /** @type {string | null} */
  let last = null;

  async function show() {
    const name = ftc.oneOf(Object.keys(ftc.views), ftc.read().view) ?? "find";
    const view = ftc.views[name];
    for (const link of document.querySelectorAll("nav a")) {
      if (link.getAttribute("data-view") === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = view.title + " · Open Fine-Tune Config";
    trouble.hidden = true;
    try {
      await view.render(main);
    } catch (error) {
      trouble.textContent =
        "This view could not be shown: " +
        (error instanceof Error ? error.message : error) +
        ". Reload the page; if that does not help, regenerate it with `make generate`.";
      trouble.hidden = false;
    }
    const lost = document.activeElement === document.body || document.activeElement === null;
    if (last !== null && (last !== name || lost)) ftc.at("main").focus({ preventScroll: last === name });
    if (last !== null && last !== name) scrollTo(0, 0);
    last = name;
    document.documentElement.dataset.shown = location.hash || "#";
  }

  function dark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  ftc.at("theme").addEventListener("click", () => {
    const theme = dark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // Not remembered then.
    }
  });
  // A link to the content is a jump within the page, not a view.
  document.querySelector(".skip")?.addEventListener("click", (event) => {
    event.preventDefault();
    ftc.at("main").focus();
  });
  addEventListener("hashchange", show);
  show();
})();
