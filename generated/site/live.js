// What is live, and how it came to be: production, canary, and every reviewed step.
"use strict";
(() => {
  const { el } = ftc;
  const STAGES = ["candidate", "staging", "canary", "production", "deprecated"];

  /** @type {(time: string) => string} */
  const day = (time) => time.slice(0, 10);
  /** @type {(time: string) => string} */
  const moment = (time) => time.replace("T", " ").replace("Z", " UTC");

  /** @type {(event: Happened) => string} */
  function step(event) {
    if (event.to === "hold") return "put on hold";
    if (event.from === "hold") return "released from hold";
    if (event.from === "none") return event.to === "production" ? "first in production" : "start of the history";
    if (event.from === "canary" && event.to === "canary") return "canary set to " + ftc.share(event.fraction ?? 0);
    if (event.from === "deprecated" && event.to === "production") return "rolled back to";
    return event.from + " → " + event.to + (event.fraction ? " at " + ftc.share(event.fraction) : "");
  }

  /** @type {(state: State, events: Happened[]) => HTMLElement} */
  function slots(state, events) {
    const production = Object.keys(state.stages).find((version) => state.stages[version] === "production");
    const since = [...events].reverse().find((event) => event.version === production && event.to === "production");
    const { canary } = state;
    return el(
      "div.columns",
      {},
      el(
        "section.panel",
        {},
        el("h2", {}, "Production"),
        production
          ? [
              el("p.big", {}, production),
              el(
                "p",
                {},
                "answers ",
                el("b", {}, ftc.share(1 - (canary?.fraction ?? 0))),
                " of the keys, live since " + (since ? moment(since.at) : "the start") + ".",
              ),
            ]
          : el("p", {}, "No engine is live; laws and published medians answer."),
      ),
      el(
        "section.panel",
        {},
        el("h2", {}, "Canary"),
        canary
          ? [
              el("p.big", {}, canary.version),
              ftc.smallBar(canary.fraction, 1),
              el(
                "p",
                {},
                "answers ",
                el("b", {}, ftc.share(canary.fraction)),
                " of the keys since " + moment(canary.since) + ". ",
                el("a", { href: "#changes" }, "What it would change"),
              ),
            ]
          : el("p", {}, "No engine is on trial."),
      ),
      state.holds.length ? el("section.panel", {}, el("h2", {}, "On hold"), el("p", {}, state.holds.join(", "))) : null,
    );
  }

  /** @type {(engines: Record<string, Engine>) => HTMLElement} */
  function track(engines) {
    const rejected = Object.entries(engines).filter(([, engine]) => engine.stage === "rejected");
    const columns = STAGES.map((stage) => {
      const here = Object.entries(engines)
        .filter(([, engine]) => engine.stage === stage)
        .map(([version]) => version);
      return el(
        "li" + (here.length ? ".here" : ""),
        {},
        el("span.stage", {}, stage),
        here.map((version) => el("span.version", {}, version)),
      );
    });
    return el(
      "section.panel",
      {},
      el("h2", {}, "Life cycle"),
      el("ol.track", {}, columns),
      rejected.length ? el("p.small", {}, "Rejected: " + rejected.map(([version]) => version).join(", ")) : null,
      el(
        "p.small",
        {},
        "An engine moves one stage a pull request, on evidence, judged by the rules of the base branch. ",
        ftc.fileLink(".github/docs/engines.md", "How that works"),
      ),
    );
  }

  /** @type {(events: Happened[]) => HTMLElement} */
  function history(events) {
    const items = events.map((event, number) =>
      el(
        "li",
        {},
        el(
          "p",
          {},
          el("time", { datetime: event.at, title: moment(event.at) }, day(event.at)),
          " ",
          el("b", {}, event.version ?? ""),
          " " + step(event),
        ),
        el(
          "p.small",
          {},
          "“" + event.reason + "” by " + event.actor + " · ",
          ftc.fileLink("registry/engines/events/" + String(number).padStart(4, "0") + ".yaml", "event " + number),
          event.evidence_digest && [" · evidence ", el("code", {}, event.evidence_digest.slice(0, 12))],
        ),
      ),
    );
    return el("section.panel", {}, el("h2", {}, "History"), el("ol.timeline", { reversed: true }, items.reverse()));
  }

  /** @type {(all: Record<string, Engine>) => HTMLElement} */
  function engines(all) {
    const rows = Object.entries(all).map(([version, engine]) => [
      ftc.fileLink(engine.path, version),
      engine.stage,
      String(engine.trained_on.rows),
      engine.trained_on.tool_version,
      el("code", {}, engine.trained_on.recipes_digest.slice(0, 12)),
      engine.report ? ftc.fileLink(engine.report, "report") : "–",
    ]);
    return el(
      "section.panel",
      {},
      el("h2", {}, "Engines"),
      ftc.table(
        "Engines and what they were trained on",
        ["Version", "Stage", "Rows", "Tool", "Recipes", "Evaluation"],
        rows,
      ),
    );
  }

  /** @type {View["render"]} */
  async function render(view) {
    const live = await ftc.load("governance");
    const head = [
      el("h1", {}, "Live"),
      el("p.lead", {}, "Which engine answers, and every step that led there. A merge is the only way to change it."),
    ];
    if (!live.state)
      return view.replaceChildren(
        ...head,
        el("p", {}, "No engine was ever live: answers come from laws and published medians."),
      );
    view.replaceChildren(
      ...head,
      slots(live.state, live.events),
      track(live.engines),
      history(live.events),
      engines(live.engines),
    );
  }

  ftc.views.live = { title: "Live", render };
})();
