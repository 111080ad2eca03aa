// Beyond the catalogue: settings that need no card, and what each length and micro-batch would take on this one.
"use strict";
(() => {
  const { el, gib } = ftc;
  const OBJECTIVES = ["sft", "dpo", "cpt", "grpo"];
  /** @type {Ftc["loadNeeds"]} */
  const load = (objective) => ftc.load(`needs/${objective && OBJECTIVES.includes(objective) ? objective : "sft"}`);

  /** GiB at most of one model and adapter on a card (null: one whose memory was typed), by length and micro-batch. */
  /** @type {Ftc["needOf"]} */
  function need(needs, model, adapter, card) {
    const row = needs.models[model]?.[adapter];
    if (!row || (card && adapter === "qlora" && !card.nf4)) return null;
    const context = card ? card.context : Math.max(...ftc.data.core.cards.map((each) => each.context));
    const table = needs.tables[row[2]][card ? card.kind : 0];
    const factor = card?.need ?? 1;
    /** @type {Need["at"]} */
    const at = (length, batch) =>
      factor * table[needs.lengths.indexOf(length) * needs.batches.length + needs.batches.indexOf(batch)] + context;
    return {
      at,
      config: needs.settings[row[0]],
      why: needs.why[row[1]].map((number) => needs.reasons[number]),
      confidence: row[3],
      constrained: row[4],
    };
  }

  /** The largest micro-batch at a length that a card has room for; 0 where none. */
  /** @type {Ftc["largestBatch"]} */
  function largest(needs, found, length, usable) {
    return Math.max(0, ...needs.batches.filter((batch) => found.at(length, batch) <= usable));
  }

  /** The longest standard length that is no longer than the configuration's. */
  /** @type {(needs: Needs, wanted: number) => number} */
  const nearest = (needs, wanted) => needs.lengths.filter((length) => length <= wanted).pop() ?? needs.lengths[0];

  /** The standard length for a task: of the figures where they are its own, else the task's. */
  /** @type {(needs: Needs, chosen: Chosen, found: Need) => number} */
  function lengthOf(needs, chosen, found) {
    const own = found.config.task_type === chosen.task;
    return nearest(needs, own ? found.config.max_length : ftc.data.core.tasks[chosen.task].length);
  }

  /** @type {Ftc["showNeeds"]} */
  async function show(chosen, target) {
    const needs = await load(ftc.data.core.tasks[chosen.task].objective);
    const card = target.of ?? ftc.data.core.cards.find((each) => each.id === target.card) ?? null;
    const options = ftc
      .preferred(chosen.model)
      .filter((adapter) => chosen.adapter === "auto" || chosen.adapter === adapter)
      .flatMap((adapter) => {
        const found = need(needs, chosen.model, adapter, card);
        return found ? [{ adapter, found }] : [];
      });
    if (!options.length) return nothing(target);
    /** @type {(option: Offer) => boolean} */
    const fits = ({ found }) => largest(needs, found, lengthOf(needs, chosen, found), target.usable) > 0;
    /** @type {(a: Offer, b: Offer) => Offer} */
    const smallest = (a, b) => (b.found.at(needs.lengths[0], 1) < a.found.at(needs.lengths[0], 1) ? b : a);
    const best = options.find(fits) ?? options.reduce(smallest);
    return page(needs, chosen, target, options, best, fits(best));
  }

  /** @type {(target: Aim) => HTMLElement} */
  function nothing(target) {
    return el(
      "section.panel",
      {},
      el("h1", {}, "Ask the command"),
      el(
        "p",
        {},
        "The page holds no figures for this combination of model, task and adapter. The command answers it, in a checkout of the repository:",
      ),
      ftc.commandLine(target.command),
    );
  }

  /** Whether a task takes the memory of another: the same objective, and the same kind of head. */
  /** @type {(task: string, other: string) => boolean} */
  function alike(task, other) {
    const { tasks } = ftc.data.core;
    /** @type {(name: string) => boolean} */
    const labels = (name) => tasks[name].kinds.includes("sequence_classification");
    return tasks[task].objective === tasks[other].objective && labels(task) === labels(other);
  }

  /** @type {(needs: Needs, chosen: Chosen, target: Aim, options: Offer[], best: Offer, fits: boolean) => HTMLElement} */
  function page(needs, chosen, target, options, best, fits) {
    const { found, adapter } = best;
    if (!alike(chosen.task, found.config.task_type)) return nothing(target);
    const length = lengthOf(needs, chosen, found);
    const batch = largest(needs, found, length, target.usable);
    const shorter = needs.lengths.filter((each) => largest(needs, found, each, target.usable)).pop();
    /** @type {(task: string) => string} */
    const titleOf = (task) => ftc.data.core.tasks[task].title.toLowerCase();
    const other = found.config.task_type === chosen.task ? null : titleOf(found.config.task_type);
    const where = target.place ? ftc.cards(target) + " (" + target.title + ")" : target.title;
    const title =
      ftc.ADAPTERS[adapter] + (fits ? " fits " : " does not fit ") + where + (fits ? "" : " at " + length + " tokens");
    const verdict = el(
      "section.panel.verdict",
      { "aria-labelledby": "verdict" },
      el("h1", { id: "verdict" }, el("span.badge." + (fits ? "fits" : "not"), {}, fits ? "fits" : "no"), " ", title),
      el(
        "p.lead",
        {},
        el("b", {}, chosen.model),
        ": one sequence of " + length + " tokens needs at most ",
        el("b", {}, gib(found.at(length, 1))),
        " of ",
        el("b", {}, gib(target.usable)),
        " usable, with checkpointing",
        batch > 1 ? "; there is room for " + batch + " at once." : ".",
        !fits && (shorter ? " One of " + shorter + " tokens fits." : " Nothing shorter fits either."),
      ),
      el(
        "p.note",
        {},
        target.listed ? "The catalogue has no configuration for this" : "This combination is not in the catalogue",
        target.gpus > 1 && ", and the figures are those of one card alone",
        ". For the exact answer, and its notebook, ask the command:",
      ),
      ftc.commandLine(target.command),
      other &&
        el(
          "p.note.warn",
          {},
          "The page holds one task for each objective: the settings below are those of ",
          el("b", {}, other),
          ". Memory depends on them little, but " +
            titleOf(chosen.task) +
            " may be given another learning rate, number of epochs or rank.",
        ),
      found.constrained
        ? el(
            "p.note.warn",
            {},
            "Constrained-safe: the registry holds too little evidence for this model, so the values are capped.",
          )
        : null,
      el(
        "dl.facts",
        {},
        [
          ["Learning rate", ftc.number(found.config.learning_rate)],
          ["Effective batch", found.config.effective_batch_size],
          ["Epochs", ftc.number(found.config.num_train_epochs)],
          ["Rank / alpha", found.config.lora_r ? found.config.lora_r + " / " + found.config.lora_alpha : "–"],
          ["Confidence", ftc.share(found.confidence)],
        ].map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))),
      ),
    );
    const sorted = [best, ...options.filter((option) => option !== best)];
    const tables = sorted.map((option) =>
      el(
        "section.panel",
        {},
        el("h2", {}, ftc.ADAPTERS[option.adapter] + ": GiB needed, by length and micro-batch"),
        grid(needs, option, target.usable),
      ),
    );
    const settings = el(
      "section.panel",
      {},
      el("h2", {}, "Settings that need no card, and why" + (other ? ": as for " + other : "")),
      ftc.reasons(found.config, found.why, needs.sources),
    );
    return el("div.answer", {}, verdict, el("div.columns.tables", {}, tables), settings);
  }

  /** Lengths by micro-batches: what fits is marked by a sign as well as by colour. */
  /** @type {(needs: Needs, option: Offer, usable: number) => HTMLElement} */
  function grid(needs, { adapter, found }, usable) {
    const heads = ["Tokens", ...needs.batches.map((batch) => "× " + batch)];
    const rows = needs.lengths.map((length) => [
      String(length),
      ...needs.batches.map((batch) => {
        const size = found.at(length, batch);
        return size <= usable
          ? el("span.yes", {}, "✓ " + ftc.number(size, 3))
          : el("span.no", {}, "✗ " + ftc.number(size, 3));
      }),
    ]);
    return ftc.table("Memory of " + ftc.ADAPTERS[adapter] + " by length and micro-batch, in GiB", heads, rows, "grid");
  }

  Object.assign(ftc, { NEEDS: OBJECTIVES, loadNeeds: load, showNeeds: show, needOf: need, largestBatch: largest });
})();
