// What fits where: models by cards, for one adapter and length.
"use strict";
(() => {
  const { el } = ftc;
  const STEP = 40;

  /** @type {(needs: Needs) => Shown} */
  function choices(needs) {
    const asked = ftc.read();
    const length = needs.lengths.includes(Number(asked.length)) ? Number(asked.length) : 2048;
    const adapter = ftc.oneOf(Object.keys(ftc.ADAPTERS), asked.adapter) ?? "qlora";
    return {
      view: "fits",
      objective: ftc.oneOf(ftc.NEEDS, asked.objective) ?? "sft",
      adapter,
      length,
      which: asked.which === "all" ? "all" : "catalogue",
      name: asked.name ?? "",
      most: Math.max(STEP, Number(asked.most) || 0),
    };
  }

  /** What is chosen now, with a change; the form outlives the choice that it was made with. */
  /** @type {(change: Partial<Wanted>) => void} */
  const go = (change) => {
    location.hash = ftc.address({ ...ftc.read(), view: "fits", ...change });
  };

  /** Cards with the same memory and abilities share a column; the first names it, all stand in its title. */
  /** @type {() => (Card & { all: string[] })[]} */
  function columns() {
    /** @type {Map<string, Card[]>} */
    const groups = new Map();
    for (const card of ftc.data.core.cards) {
      const key = [card.usable, card.kind, card.context, card.nf4, card.need].join();
      groups.set(key, [...(groups.get(key) ?? []), card]);
    }
    return [...groups.values()].map((group) => ({ ...group[0], all: group.map((card) => card.id) }));
  }

  /** @type {(needs: Needs, chosen: Shown) => Core["models"]} */
  function models(needs, chosen) {
    const listed = new Set(ftc.catalogue().map((row) => row.model));
    const words = chosen.name.toLowerCase().split(/\s+/).filter(Boolean);
    return ftc.data.core.models
      .filter(
        ([id]) =>
          needs.models[id]?.[chosen.adapter] &&
          (chosen.which === "all" || listed.has(id)) &&
          words.every((word) => id.toLowerCase().includes(word)),
      )
      .sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
  }

  /** The task that the figures of a model stand for. */
  /** @type {(needs: Needs, model: string, adapter: string) => string} */
  const taskOf = (needs, model, adapter) => needs.settings[needs.models[model][adapter][0]].task_type;

  /** The tasks that the figures stand for, in words. */
  /** @type {(needs: Needs) => string} */
  function usual(needs) {
    const tasks = new Set(needs.settings.map((each) => each.task_type));
    return [...tasks].map((task) => ftc.data.core.tasks[task].title.toLowerCase()).join(", ");
  }

  /** @type {(needs: Needs, chosen: Shown) => HTMLElement} */
  function controls(needs, chosen) {
    /** @type {(name: string, value: string | number, text: string, checked: boolean, change: Partial<Wanted>) => HTMLElement} */
    const chip = (name, value, text, checked, change) =>
      el("label.chip", {}, el("input", { type: "radio", name, value, checked, onchange: () => go(change) }), text);
    const name = el("input", {
      id: "name",
      type: "search",
      value: chosen.name,
      placeholder: "e.g. qwen 7b",
      onchange: () => go({ name: name.value, most: null }),
    });
    return el(
      "form.ask",
      {
        "aria-label": "What to show",
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          go({ name: name.value, most: null });
        },
      },
      el(
        "fieldset.chips",
        {},
        el("legend", {}, "Adapter"),
        Object.entries(ftc.ADAPTERS).map(([id, text]) =>
          chip("adapter", id, text, chosen.adapter === id, { adapter: id }),
        ),
      ),
      el(
        "fieldset.chips",
        {},
        el("legend", {}, "Objective"),
        ftc.NEEDS.map((id) =>
          chip("objective", id, ftc.OBJECTIVES[id], chosen.objective === id, { objective: id, most: null }),
        ),
      ),
      el(
        "fieldset.chips",
        {},
        el("legend", {}, "Length in tokens"),
        needs.lengths.map((length) => chip("length", length, String(length), chosen.length === length, { length })),
      ),
      el(
        "fieldset.chips",
        {},
        el("legend", {}, "Models"),
        chip("which", "catalogue", "Popular", chosen.which === "catalogue", { which: null, most: null }),
        chip("which", "all", "All of the registry", chosen.which === "all", { which: "all", most: null }),
      ),
      el("div.field", {}, el("label", { for: "name" }, "Name contains"), name),
    );
  }

  /** @type {(needs: Needs, model: string, chosen: Shown, card: Card) => HTMLElement} */
  function cell(needs, model, chosen, card) {
    const found = ftc.needOf(needs, model, chosen.adapter, card);
    if (!found)
      return el(
        "td.h0",
        { title: "No 4-bit kernels for this card" },
        el("span", { "aria-label": "not possible" }, "·"),
      );
    const batch = ftc.largestBatch(needs, found, chosen.length, card.usable);
    const size = ftc.number(found.at(chosen.length, 1), 3);
    const title = model + " on " + card.id + ": from " + size + " GiB of " + ftc.number(card.usable, 3);
    if (!batch) return el("td.h0", { title }, el("span", { "aria-label": "does not fit" }, "–"));
    return el("td.h" + (1 + needs.batches.indexOf(batch)), { title }, String(batch));
  }

  /** @type {(needs: Needs, chosen: Shown) => HTMLElement[]} */
  function map(needs, chosen) {
    const cards = columns();
    const all = models(needs, chosen);
    const shown = all.slice(0, chosen.most);
    const heads = cards.map((card) =>
      el(
        "th",
        { scope: "col", title: card.all.join(", ") },
        el("span.turned", {}, card.id + (card.all.length > 1 ? " +" + (card.all.length - 1) : "")),
        el("span.of", {}, ftc.number(card.usable, 2)),
      ),
    );
    const caption =
      "Largest micro-batch that fits, by model and card, at " +
      chosen.length +
      " tokens with " +
      ftc.ADAPTERS[chosen.adapter];
    const body = shown.map(([id, count]) =>
      el(
        "tr",
        {},
        el(
          "th",
          { scope: "row" },
          el(
            "a",
            {
              href: ftc.address({
                view: "find",
                model: id,
                task: taskOf(needs, id, chosen.adapter),
                adapter: chosen.adapter,
              }),
            },
            id.split("/").pop(),
          ),
          el("span.hint", {}, " " + ftc.parameters(count)),
        ),
        cards.map((card) => cell(needs, id, chosen, card)),
      ),
    );
    return [
      el(
        "div.scroll.heat",
        { tabindex: 0, role: "region", "aria-label": caption },
        el(
          "table.heat",
          {},
          el("caption.unseen", {}, caption),
          el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Model"), heads)),
          el("tbody", {}, body),
        ),
      ),
      el(
        "p.small",
        {},
        all.length
          ? shown.length + " of " + all.length + " models. "
          : chosen.name
            ? "No model has “" + chosen.name + "” in its name, or its figures are not here. "
            : "No figures stand here for this adapter and objective. ",
        all.length > shown.length &&
          el("a", { href: ftc.address({ ...chosen, most: chosen.most + 4 * STEP }) }, "Show more"),
      ),
    ];
  }

  /** @type {View["render"]} */
  async function render(view) {
    const needs = await ftc.loadNeeds(ftc.read().objective);
    const chosen = choices(needs);
    const legend = el(
      "p.scale",
      { "aria-hidden": "true" },
      "largest micro-batch ",
      el("span.h0", {}, "–"),
      needs.batches.map((batch, index) => el("span.h" + (index + 1), {}, String(batch))),
      " or more",
    );
    ftc.show(
      view,
      el("h1", {}, "What fits where"),
      el(
        "p.lead",
        {},
        "On one card, with checkpointing. A number is the largest micro-batch (sequences at once) whose upper bound is below the card's usable memory; a dash means that not even one fits. Numbers below the cards are their usable GiB.",
      ),
      el("p.small", {}, "The figures are for the usual task of the objective: " + usual(needs) + "."),
      controls(needs, chosen),
      legend,
      ...map(needs, chosen),
    );
  }

  ftc.views.fits = { title: "What fits where", render };
})();
