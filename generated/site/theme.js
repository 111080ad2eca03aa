// Before the first paint: the theme that the reader chose the last time. Without a choice the system decides.
(function () {
  "use strict";
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be refused; then the system's theme holds.
  }
})();
