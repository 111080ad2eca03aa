// The priors: what careful publishers choose, with the spread and the number of observations behind each figure.
"use strict";
(() => {
  const { el, svg } = ftc;
  /** @type {Record<string, [title: string, logarithmic: boolean]>} */
  const FIELDS = {
    learning_rate: ["Learning rate", true],
    effective_batch_size: ["Effective batch (sequences)", true],
    lora_r: ["LoRA rank", true],
    lora_alpha_ratio: ["LoRA alpha / rank", true],
    num_train_epochs: ["Epochs", false],
    max_length: ["Length (tokens)", true],
    warmup_ratio: ["Warm-up (share of steps)", false],
    weight_decay: ["Weight decay", false],
    lora_dropout: ["LoRA dropout", false],
    max_grad_norm: ["Gradient clip", false],
  };
  /** @type {Record<string, string>} */
  const OBJECTIVES = { sft: "Supervised", preference: "Preferences", cpt: "Plain text", grpo: "Rewards" };

  /** @type {() => { view: string; field: string; objective: string }} */
  function choices() {
    const asked = ftc.read();
    return {
      view: "evidence",
      field: ftc.oneOf(Object.keys(FIELDS), asked.field) ?? "learning_rate",
      objective: ftc.oneOf(Object.keys(OBJECTIVES), asked.objective) ?? "sft",
    };
  }

  const SIZES = [null, "small", "medium", "large"];
  /** @type {Record<string, string>} */
  const ADAPTERS = { full: "Full", lora: "LoRA", qlora: "QLoRA" };

  /** @type {(group: Group) => string} */
  function label([, adapter, size, task]) {
    const name = task ? (ftc.data.core.tasks[task]?.title ?? task) : "all tasks";
    return [ADAPTERS[adapter] ?? adapter, size ?? "all sizes", name].join(" · ");
  }

  /** By adapter, then size from small to large, the group of all tasks before each of them. */
  /** @type {(group: Group) => string} */
  const order = ([, adapter, size, task]) =>
    Object.keys(ADAPTERS).indexOf(adapter) + String(SIZES.indexOf(size)) + (task ?? "");

  /** Rows of one field and objective. */
  /** @type {(priors: Priors, chosen: { field: string; objective: string }) => Spread[]} */
  function rows(priors, chosen) {
    return (priors.fields[chosen.field] ?? [])
      .map(([group, value, median, low, high, n, repositories]) => ({
        group: priors.groups[group],
        value,
        median,
        low,
        high,
        n,
        repositories,
      }))
      .filter((row) => row.group[0] === chosen.objective)
      .sort((a, b) => (order(a.group) < order(b.group) ? -1 : 1));
  }

  /** Quartiles as a line, the median as a ring, the value that is used as a dot; one row a group. */
  /** @type {(found: Spread[], chosen: { field: string }) => HTMLElement} */
  function chart(found, chosen) {
    const logarithmic = FIELDS[chosen.field][1];
    /** @type {(value: number) => number} */
    const scale = logarithmic ? Math.log10 : (value) => value;
    const known = found
      .flatMap((row) => [row.low, row.high, row.median, row.value])
      .filter((value) => !logarithmic || value > 0)
      .map(scale);
    let [from, to] = [Math.min(...known), Math.max(...known)];
    const room = (to - from || 1) * 0.06;
    [from, to] = [from - room, to + room];
    // On a phone the words stand above the lines, elsewhere beside them.
    const narrow = innerWidth < 700;
    const [left, width, line, whole] = narrow ? [14, 280, 44, 350] : [300, 470, 26, 830];
    /** @type {(value: number) => number} */
    const x = (value) =>
      left + (width * (scale(logarithmic ? Math.max(value, 10 ** from) : value) - from)) / (to - from);
    const height = found.length * line + 34;
    const ticks = marks(from, to, logarithmic);
    /** @type {(each: Spread, index: number) => SVGElement} */
    const row = (each, index) => {
      const y = index * line + (narrow ? 30 : 18);
      const words = narrow ? { x: left, y: y - 13 } : { x: left - 12, y: y + 4, "text-anchor": "end" };
      return svg(
        "g",
        {},
        svg(
          "title",
          {},
          label(each.group) +
            ": " +
            ftc.number(each.value) +
            " used, median " +
            ftc.number(each.median) +
            ", quartiles " +
            ftc.number(each.low) +
            " to " +
            ftc.number(each.high),
        ),
        svg("text", words, label(each.group)),
        svg("line.spread", { x1: x(each.low), x2: x(each.high), y1: y, y2: y }),
        svg("circle.median", { cx: x(each.median), cy: y, r: 5 }),
        svg("circle.used", { cx: x(each.value), cy: y, r: 4 }),
        svg("text.n", { x: left + width + 8, y: y + 4 }, "n " + each.n),
      );
    };
    return el(
      "div.scroll",
      { tabindex: 0, role: "region", "aria-label": "Chart of " + FIELDS[chosen.field][0] },
      svg(
        "svg.chart" + (narrow ? "" : ".wide-chart"),
        {
          viewBox: "0 0 " + whole + " " + height,
          role: "img",
          "aria-label":
            FIELDS[chosen.field][0] +
            " by group: median, quartiles and value used. The table below has the same figures.",
        },
        ticks.map((tick) => [
          svg("line.grid", { x1: x(tick), x2: x(tick), y1: 4, y2: height - 28 }),
          svg("text.tick", { x: x(tick), y: height - 10, "text-anchor": "middle" }, ftc.number(tick, 3)),
        ]),
        found.map(row),
      ),
    );
  }

  /** @type {(from: number, to: number, logarithmic: boolean) => number[]} */
  function marks(from, to, logarithmic) {
    if (logarithmic) {
      const whole = [];
      const several = to - from > 2.2 ? [1] : to - from > 1 ? [1, 3] : [1, 2, 5];
      for (let power = Math.floor(from); power <= Math.ceil(to); power++)
        for (const part of several) whole.push(part * 10 ** power);
      return whole.filter((mark) => Math.log10(mark) >= from && Math.log10(mark) <= to);
    }
    const step = (to - from) / 5;
    return [0, 1, 2, 3, 4, 5].map((index) => from + index * step).filter((mark) => mark >= 0);
  }

  /** @type {View["render"]} */
  async function render(view) {
    const priors = await ftc.load("priors");
    const chosen = choices();
    const found = rows(priors, chosen);
    /** @type {(change: Partial<Wanted>) => void} */
    const go = (change) => {
      location.hash = ftc.address({ ...choices(), ...change });
    };
    const field = el(
      "select",
      { id: "field", onchange: () => go({ field: field.value }) },
      Object.entries(FIELDS).map(([name, [title]]) =>
        el("option", { value: name, selected: name === chosen.field }, title),
      ),
    );
    const form = el(
      "form.ask",
      { "aria-label": "What to show", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
      el("div.field", {}, el("label", { for: "field" }, "Setting"), field),
      el(
        "fieldset.chips",
        {},
        el("legend", {}, "Objective"),
        Object.entries(OBJECTIVES).map(([name, text]) =>
          el(
            "label.chip",
            {},
            el("input", {
              type: "radio",
              name: "objective",
              value: name,
              checked: name === chosen.objective,
              onchange: () => go({ objective: name }),
            }),
            text,
          ),
        ),
      ),
    );
    const table = ftc.table(
      "Figures of the chart",
      ["Group", "Used", "Median", "Lower quartile", "Upper quartile", "n", "Repositories"],
      found.map((row) => [
        label(row.group),
        el("b", {}, ftc.number(row.value)),
        ftc.number(row.median),
        ftc.number(row.low),
        ftc.number(row.high),
        String(row.n),
        String(row.repositories),
      ]),
    );
    ftc.show(
      view,
      el("h1", {}, "Evidence"),
      el(
        "p.lead",
        {},
        "What careful people publish: " +
          priors.recipes +
          " configurations of " +
          priors.repositories +
          " repositories, by group. The value used is drawn towards wider groups where evidence is thin.",
      ),
      form,
      el(
        "section.panel",
        {},
        el("h2", {}, FIELDS[chosen.field][0]),
        el(
          "p.key",
          { "aria-hidden": "true" },
          el("span.k-used", {}),
          " used ",
          el("span.k-median", {}),
          " median ",
          el("span.k-spread", {}),
          " middle half",
        ),
        found.length ? chart(found, chosen) : el("p", {}, "No published configuration of this kind says it."),
      ),
      found.length ? el("details.panel", {}, el("summary", {}, "The same as a table"), table) : null,
    );
  }

  ftc.views.evidence = { title: "Evidence", render };
})();
