// The change log: what each release moved in the catalogue, and what the canary would move.
"use strict";
(() => {
  const { el } = ftc;
  const SHOWN = 200;

  function summary(moves) {
    const counts = {};
    for (const [, , , , fields] of moves)
      for (const name of Object.keys(fields)) counts[name] = (counts[name] ?? 0) + 1;
    return Object.entries(counts).sort((a, b) => b[1] - a[1]);
  }

  function lines(moves) {
    return moves.flatMap(([model, task, objective, adapter, fields]) =>
      Object.entries(fields).map(([name, [before, after]]) => [
        el("a", { href: ftc.address({ view: "find", model, task, objective, adapter }) }, model),
        task + " (" + objective + ")",
        ftc.ADAPTERS[adapter] ?? adapter,
        el("code", {}, name),
        shown(before),
        el("b", {}, shown(after)),
        ratio(before, after),
      ]),
    );
  }

  const shown = (value) => (value === null || value === undefined ? "–" : ftc.value(value));

  function ratio(before, after) {
    if (typeof before !== "number" || typeof after !== "number" || !before) return "";
    return "× " + ftc.number(after / before, 3);
  }

  function facts(step) {
    const [before, after] = step.confidence.map(ftc.share);
    const decided = Object.entries(step.strategies)
      .sort((a, b) => b[1] - a[1])
      .map(([name, count]) => name + " " + count);
    return [
      ["Moved", String(step.moves.length)],
      ["Confidence, median", before + " → " + after],
      ["Decided by", decided.join(", ")],
    ];
  }

  function section(step, subjects) {
    const canary = step.kind === "canary";
    const all = lines(step.moves);
    return el(
      "section.panel",
      {},
      el(
        "h2",
        {},
        canary ? "Canary " + step.to + " beside " + step.from : step.to + ", live since " + step.at.slice(0, 10),
      ),
      el(
        "p",
        {},
        canary
          ? "On trial for " + ftc.share(step.fraction) + " of the keys. It would move "
          : "Against " + step.from + ", it moves ",
        el("b", {}, step.moves.length + " of " + subjects),
        " recommendations (model, task, objective, adapter)",
        step.moves.length
          ? ": " +
              summary(step.moves)
                .map(([name, count]) => name + " in " + count)
                .join(", ") +
              "."
          : ": the evidence favours the same settings.",
      ),
      el(
        "dl.facts",
        {},
        facts(step).map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))),
      ),
      all.length
        ? ftc.table(
            "Settings that " + step.to + " moves",
            ["Model", "Task", "Adapter", "Setting", "Before", "After", "Ratio"],
            all.slice(0, SHOWN),
          )
        : null,
      all.length > SHOWN ? el("p.small", {}, "The first " + SHOWN + " of " + all.length + " lines.") : null,
    );
  }

  async function render(view) {
    const log = await ftc.load("changes");
    view.replaceChildren(
      el("h1", {}, "Changes"),
      el(
        "p.lead",
        {},
        "What each release of the engine moved among the recommendations of the catalogue. Both sides are computed by the present tool from the engines in git.",
      ),
      ...(log.steps.length
        ? log.steps.map((step) => section(step, log.subjects))
        : [el("p", {}, "No engine was released yet.")]),
    );
  }

  ftc.views.changes = { title: "Changes", render };
})();
