// The change log: what each release moved in the catalogue, and what the canary would move.
"use strict";
(() => {
  const { el } = ftc;
  const SHOWN = 200;

  /** @type {(moves: Move[]) => [string, number][]} */
  function summary(moves) {
    /** @type {Record<string, number>} */
    const counts = {};
    for (const [, , , , fields] of moves)
      for (const name of Object.keys(fields)) counts[name] = (counts[name] ?? 0) + 1;
    return Object.entries(counts).sort((a, b) => b[1] - a[1]);
  }

  /** @type {(moves: Move[]) => Child[][]} */
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

  /** @type {(value: Setting | undefined) => string} */
  const shown = (value) => (value === null || value === undefined ? "–" : ftc.value(value));

  /** @type {(before: Setting, after: Setting) => string} */
  function ratio(before, after) {
    if (typeof before !== "number" || typeof after !== "number" || !before) return "";
    return "× " + ftc.number(after / before, 3);
  }

  /** @type {(step: Step) => [string, string][]} */
  function facts(step) {
    const [before, after] = step.confidence.map(ftc.share);
    const decided = Object.entries(step.strategies)
      .sort((a, b) => b[1] - a[1])
      .map(([name, count]) => name + ": " + count);
    return [
      ["Confidence, median", before + " → " + after],
      ["Decided by", decided.join(", ")],
    ];
  }

  /** @type {(step: Step) => string} */
  function heading(step) {
    if (step.kind === "canary") return "Canary " + step.to + " beside " + step.from;
    if (step.kind === "waiting") return step.to + ", in " + step.stage;
    return step.to + ", live since " + step.at.slice(0, 10);
  }

  /** @type {(step: Step) => string} */
  function opening(step) {
    if (step.kind === "canary") return "On trial for " + ftc.share(step.fraction) + " of the keys. It would move ";
    if (step.kind === "waiting") return "It answers nobody yet. Live in the place of " + step.from + ", it would move ";
    return "Against " + step.from + ", it moves ";
  }

  /** @type {(moves: Move[]) => string} */
  const counted = (moves) =>
    summary(moves)
      .map(([name, count]) => name + " in " + count)
      .join(", ");

  /** @type {(caption: string, moves: Move[]) => (HTMLElement | null)[] | null} */
  function settings(caption, moves) {
    const all = lines(moves);
    if (!all.length) return null;
    return [
      ftc.table(
        caption,
        ["Model", "Task", "Adapter", "Setting", "Before", "After", "Ratio"],
        all.slice(0, SHOWN),
        "others",
      ),
      all.length > SHOWN ? el("p.small", {}, "The first " + SHOWN + " of " + all.length + " lines.") : null,
    ];
  }

  /** @type {(bounds: Bounds) => string} */
  const range = ([low, high]) => (low === high ? ftc.number(low) : ftc.number(low) + " to " + ftc.number(high));

  /** How far published choices spread, as the engine tells it beside an answer. */
  /** @type {(step: Step, subjects: number) => HTMLElement | null} */
  function spread(step, subjects) {
    if (!step.spread.length) return null;
    const rows = step.spread.map(([name, before, after, count]) => [
      el("code", {}, name),
      range(before),
      el("b", {}, range(after)),
      count + " of " + subjects,
    ]);
    return el(
      "details",
      {},
      el("summary", {}, "It tells the spread of published choices differently"),
      el(
        "p.small",
        {},
        "Nine of ten published choices for such a case lie within these bounds. They stand beside an answer (",
        el("code", {}, "ftc recommend --explain"),
        ") and decide nothing.",
      ),
      ftc.table(
        "Intervals of published choices that " + step.to + " tells differently",
        ["Setting", "Before", "After", "Recommendations"],
        rows,
        "others",
      ),
    );
  }

  /** What a learned strategy would choose where the evidence favours another one. */
  /** @type {(step: Step, subjects: number) => HTMLElement[]} */
  function learned(step, subjects) {
    return Object.entries(step.learned)
      .filter(([, moves]) => moves.length)
      .map(([name, moves]) =>
        el(
          "details",
          {},
          el("summary", {}, "Its strategy “" + name + "” alone would move " + moves.length + " of " + subjects),
          el(
            "p.small",
            {},
            "Not what it answers: held-out evidence favours another strategy for these. Before: what it answers; after: what ",
            el("code", {}, "--strategy " + name),
            " gives: " + counted(moves) + ".",
          ),
          settings("What the strategy " + name + " of " + step.to + " would choose instead", moves),
        ),
      );
  }

  /** @type {Record<string, [text: string, shown: (value: number) => string]>} */
  const SCORES = {
    within_two_fold: ["Learning rates within a factor of two of the expert's", ftc.share],
    learning_rate_error: ["Learning rate, median factor off", (value) => "× " + ftc.number(value)],
    memory_error: ["Memory, median error", (value) => ftc.number(100 * value, 2) + "\u00a0%"],
    coverage: ["Published choices inside the intervals that promise 90\u00a0%", ftc.share],
    brier: ["Confidence, Brier score (0 is best)", (value) => ftc.number(value)],
    ece: ["Confidence, calibration error (0 is best)", (value) => ftc.number(value)],
    cases: ["Held-out cases", (value) => String(value)],
  };

  /** What was measured of both engines on cases that none of them learned from. */
  /** @type {(step: Step, engines: Record<string, Engine>) => HTMLElement | null} */
  function measured(step, engines) {
    const sides = [step.from, step.to].filter((name) => Object.keys(engines[name]?.scores ?? {}).length);
    if (!engines[step.to] || !sides.includes(step.to)) return null;
    const rows = Object.entries(SCORES).map(([name, [text, shown]]) => [
      text,
      ...sides.map((side) => (engines[side].scores[name] === undefined ? "–" : shown(engines[side].scores[name]))),
    ]);
    return el(
      "details",
      {},
      el("summary", {}, "Measured on held-out cases"),
      ftc.table("Scores of " + step.to + " on held-out cases", ["Measure", ...sides], rows, "others"),
      el("p.small", {}, ftc.fileLink(engines[step.to].report ?? "", "The whole report")),
    );
  }

  /** @type {(step: Step, subjects: number, engines: Record<string, Engine>) => HTMLElement} */
  function section(step, subjects, engines) {
    return el(
      "section.panel",
      {},
      el("h2", {}, heading(step)),
      el(
        "p",
        {},
        opening(step),
        el("b", {}, step.moves.length + " of " + subjects),
        " recommendations (model, task, objective, adapter)",
        step.moves.length ? ": " + counted(step.moves) + "." : ": the evidence favours the same settings.",
      ),
      el(
        "dl.facts",
        {},
        facts(step).map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))),
      ),
      settings("Settings that " + step.to + " moves", step.moves),
      spread(step, subjects),
      learned(step, subjects),
      measured(step, engines),
    );
  }

  /** @type {View["render"]} */
  async function render(view) {
    const [log, live] = await Promise.all([ftc.load("changes"), ftc.load("governance")]);
    view.replaceChildren(
      el("h1", {}, "Changes"),
      el(
        "p.lead",
        {},
        "What each release of the engine moved among the recommendations of the catalogue, and what the next one would move. All sides are computed by the present tool from the engines in git, for no card in particular: memory and micro-batch follow from yours.",
      ),
      ...(log.steps.length
        ? log.steps.map((step) => section(step, log.subjects, live.engines))
        : [el("p", {}, "No engine was released yet.")]),
    );
  }

  ftc.views.changes = { title: "Changes", render };
})();
