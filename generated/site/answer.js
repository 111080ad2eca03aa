// One answer of the catalogue in full: verdict, memory, confidence, settings with reasons, exports, notebook.
"use strict";
(() => {
  const { el, gib } = ftc;
  /** @type {Record<string, string>} */
  const FRAMEWORKS = {
    trl: "TRL",
    axolotl: "Axolotl",
    llamafactory: "LLaMA-Factory",
    torchtune: "torchtune",
    oumi: "Oumi",
    "ms-swift": "ms-swift",
    "trl-script": "TRL script",
    unsloth: "Unsloth script",
  };
  const SCRIPTS = ["trl-script", "unsloth"];

  /** The command that gives the same answer in a terminal. */
  /** @type {Ftc["commandOf"]} */
  function command(row) {
    const [platform, plan, card] = row.place.split("/");
    const objective = row.objective === ftc.data.core.tasks[row.task].objective ? "" : " --objective " + row.objective;
    return (
      "ftc recommend --model " +
      row.model +
      " --task " +
      row.task +
      objective +
      " --adapter " +
      row.adapter +
      " --platform " +
      platform +
      " --plan " +
      plan +
      (card ? " --gpu " + card : "")
    );
  }

  /** `row` of the catalogue; `target` is other hardware that it was chosen for, or null. */
  /** @type {Ftc["showAnswer"]} */
  async function show(row, target) {
    const name = `${row.model}/${row.task}`;
    const [chunk] = await Promise.all([ftc.load(`answers/${name}`), ftc.load(`exports/${name}`)]);
    const entry = chunk.entries[row.tail];
    const exports = el("section.panel", { "aria-labelledby": "take" });
    const page = el(
      "div.answer",
      {},
      head(row, entry, target),
      el(
        "div.columns.uneven",
        {},
        el(
          "section.panel",
          { "aria-labelledby": "memory" },
          el("h2", { id: "memory" }, "Memory at the peak"),
          memory(entry, target),
        ),
        el("section.panel", { "aria-labelledby": "sure" }, el("h2", { id: "sure" }, "How sure"), sure(entry)),
      ),
      exports,
      settings(entry, chunk),
      pins(entry),
    );
    await take(exports, row); // before the page is shown, so that nothing below moves afterwards
    return page;
  }

  /** @type {(row: Row, entry: Entry, target: Aim | null) => HTMLElement} */
  function head(row, entry, target) {
    const { config, vram } = entry;
    const place = ftc.data.core.places[row.place];
    const facts = [
      ["Learning rate", ftc.number(config.learning_rate)],
      [
        "Batch",
        config.per_device_train_batch_size +
          " × " +
          config.gradient_accumulation_steps +
          (place.gpus > 1 ? " × " + place.gpus : "") +
          " = " +
          entry.effective_batch_size,
      ],
      ["Length", config.max_length + " tokens"],
      ["Epochs", ftc.number(config.num_train_epochs)],
      config.lora_r ? ["Rank / alpha", config.lora_r + " / " + config.lora_alpha] : ["Optimizer", config.optim],
      ["Time for 1,000 rows", row.hours_per_1000_rows ? duration(row.hours_per_1000_rows) : "–"],
    ];
    const where = target ? target.title : ftc.cards(place) + " (" + place.title + ")";
    const usable = target ? target.usable : vram.usable_gib;
    const title = ftc.ADAPTERS[row.adapter] + " fits " + where;
    return el(
      "section.panel.verdict",
      { "aria-labelledby": "verdict" },
      el("h1", { id: "verdict" }, el("span.badge.fits", {}, "fits"), " ", title),
      el(
        "p.lead",
        {},
        el("b", {}, row.model),
        " for " +
          ftc.data.core.tasks[row.task].title.toLowerCase() +
          ", " +
          ftc.OBJECTIVES[row.objective] +
          ": needs at most ",
        el("b", {}, gib(vram.upper_gib)),
        " of ",
        el("b", {}, gib(usable)),
        " usable" + (place.gpus > 1 ? " on each card" : "") + ".",
      ),
      target &&
        el(
          "p.note",
          {},
          "Sized for " +
            ftc.cards(place) +
            " (" +
            place.title +
            "); its bound is below what " +
            target.title +
            " has, so it fits there too. A card with more room may take a larger micro-batch: ask ",
          el("code", {}, target.command),
          ".",
        ),
      entry.constrained_safe &&
        el(
          "p.note.warn",
          {},
          "Constrained-safe: the request lies outside of what the data support, so the values are capped.",
        ),
      entry.warnings.map((warning) => el("p.note.warn", {}, warning)),
      el(
        "dl.facts",
        {},
        facts.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))),
      ),
    );
  }

  /** @type {(hours: number) => string} */
  function duration(hours) {
    if (hours >= 1) return "about " + ftc.number(hours, 2) + " h";
    return hours * 60 >= 1 ? "about " + ftc.number(hours * 60, 2) + " min" : "under a minute";
  }

  /** @type {(entry: Entry, target: Aim | null) => HTMLElement[]} */
  function memory(entry, target) {
    const vram = target ? { ...entry.vram, usable_gib: target.usable } : entry.vram;
    return [
      ftc.memoryBar(vram),
      el(
        "p.small",
        {},
        gib(vram.allocated_gib) +
          " allocated at the peak, in the " +
          vram.peak_phase +
          " phase; at most " +
          gib(vram.upper_gib) +
          " needed; " +
          gib(vram.usable_gib) +
          " usable, as a driver shows it and not as a box prints it.",
      ),
    ];
  }

  /** @type {(entry: Entry) => HTMLElement} */
  function sure(entry) {
    return el(
      "div.sure",
      {},
      ftc.meter(entry.confidence),
      el(
        "div",
        {},
        el(
          "p",
          {},
          "The chance that an expert's learning rate lies within a factor of two of this one, and that the run fits.",
        ),
        el(
          "p.small",
          {},
          "Decided by the strategy “" + entry.strategy + "”",
          entry.engine && [", engine ", el("a", { href: "#live" }, entry.engine)],
          ".",
        ),
      ),
    );
  }

  /** @type {(entry: Entry, chunk: Answers) => HTMLElement} */
  function settings(entry, chunk) {
    const config = { ...entry.config, effective_batch_size: entry.effective_batch_size };
    const json = JSON.stringify(entry.config, null, 2);
    return el(
      "section.panel",
      { "aria-labelledby": "why" },
      el(
        "div.row",
        {},
        el("h2", { id: "why" }, "Every setting, and why"),
        ftc.copyButton("Copy as JSON", () => json, "quiet"),
      ),
      ftc.reasons(
        config,
        entry.reasons.map((number) => chunk.reasons[number]),
        chunk.sources,
      ),
    );
  }

  /** @type {(entry: Entry) => HTMLElement | null} */
  function pins(entry) {
    const stack = ftc.data.core.stacks[entry.stack];
    if (!stack) return null;
    const list = Object.entries(stack.pins).map(([name, version]) => name + "==" + version);
    return el(
      "section.panel",
      { "aria-labelledby": "pins" },
      el(
        "div.row",
        {},
        el("h2", { id: "pins" }, "Versions that work together"),
        ftc.copyButton("Copy pins", () => list.join(" "), "quiet"),
      ),
      el(
        "p.small",
        {},
        "Stack ",
        ftc.fileLink("profiles/dependencies/" + entry.stack + ".yaml", entry.stack),
        ": ",
        list.map((pin) => [el("code", {}, pin), " "]),
      ),
    );
  }

  /** Take it with you: notebook, Colab, command, and the text for each framework. */
  /** @type {(panel: HTMLElement, row: Row) => Promise<void>} */
  async function take(panel, row) {
    const notebook = "notebooks/" + row.model + "/" + row.tail + ".ipynb";
    panel.append(
      el("h2", { id: "take" }, "Take it with you"),
      el(
        "p.buttons",
        {},
        el(
          "a.button",
          { href: "../" + notebook, download: row.model.split("/").pop() + "_" + row.tail + ".ipynb" },
          // A page opened from a disk cannot save a file of the disk; the browser shows it.
          location.protocol === "file:" ? "Open notebook file" : "Download notebook",
        ),
        el(
          "a.button.second",
          { href: ftc.colabAddress(notebook), rel: "noopener" },
          ftc.repository() ? "Open in Colab" : "Open Colab to upload it",
        ),
        ftc.copyButton("Copy command", () => command(row), "button.second"),
        ftc.copyButton("Copy link", () => location.href, "button.second"),
      ),
    );
    const texts = await textsOf(row);
    const names = Object.keys(FRAMEWORKS).filter((name) => texts[name]);
    if (names.length) panel.append(...exports(row, texts, names));
    else
      panel.append(
        el("p.small", {}, "The frameworks train causal language models; for this one take the notebook above."),
      );
  }

  /** Export → a promise of its text. Scripts are loaded when somebody wants one. */
  /** @type {(row: Row) => Promise<Record<string, () => Promise<string>>>} */
  async function textsOf(row) {
    const name = row.model + "/" + row.task;
    const chunk = await ftc.load(`exports/${name}`);
    /** @type {Record<string, () => Promise<string>>} */
    const own = Object.fromEntries(
      Object.entries(chunk.entries[row.tail] ?? {}).map(([each, runs]) => [
        each,
        async () => stretches(runs, chunk.items).join("\n"),
      ]),
    );
    for (const each of chunk.scripts[row.tail] ?? []) own[each] = () => script(name, row.tail, each);
    return own;
  }

  /** @type {(name: string, tail: string, which: string) => Promise<string>} */
  async function script(name, tail, which) {
    const [shared, chunk] = await Promise.all([ftc.load("scripts"), ftc.load(`scripts/${name}`)]);
    const lines = stretches(chunk.entries[tail][which], chunk.items);
    return lines.flatMap((line) => (typeof line === "string" ? line : stretches(line, shared.lines))).join("\n");
  }

  /** The rows that [first, how many, first, how many, …] names. */
  /**
   * @template T
   * @param {number[]} runs
   * @param {T[]} rows
   * @returns {T[]}
   */
  function stretches(runs, rows) {
    /** @type {T[]} */
    const found = [];
    for (let place = 0; place < runs.length; place += 2)
      found.push(...rows.slice(runs[place], runs[place] + runs[place + 1]));
    return found;
  }

  /** @type {(row: Row, texts: Record<string, () => Promise<string>>, names: string[]) => HTMLElement[]} */
  function exports(row, texts, names) {
    const shown = el("pre", { tabindex: 0, role: "region", "aria-label": "Text of the configuration or script" });
    const copy = ftc.copyButton("Copy", () => shown.textContent, "quiet");
    const save = el("a.quiet", {}, "Download");
    const note = el("p.note.warn", { hidden: true });
    /** @type {string | null} */
    let wanted = null;
    /** @type {(name: string) => Promise<void>} */
    const choose = async (name) => {
      wanted = name;
      const text = await texts[name]().catch((error) => "# " + error.message);
      if (wanted !== name) return;
      shown.textContent = text;
      shown.dataset.export = name;
      shown.scrollTop = 0;
      const memory = text.match(/^# warning: memory: (.*)$/m);
      note.hidden = !memory;
      note.textContent = memory ? FRAMEWORKS[name] + ": " + memory[1] + "." : "";
      save.href = "data:text/plain;charset=utf-8," + encodeURIComponent(text);
      save.download =
        row.model.split("/").pop() + "_" + row.tail + "_" + name + (SCRIPTS.includes(name) ? ".py" : ".yaml");
    };
    choose(names[0]);
    const tabs = names.map((name, index) =>
      el(
        "label.chip",
        {},
        el("input", {
          type: "radio",
          name: "framework",
          value: name,
          checked: index === 0,
          onchange: () => choose(name),
        }),
        FRAMEWORKS[name],
      ),
    );
    return [
      el("fieldset.chips", {}, el("legend", {}, "As a configuration or script for"), tabs),
      note,
      el("div.code", {}, el("div.tools", {}, copy, save), shown),
    ];
  }

  Object.assign(ftc, { showAnswer: show, commandOf: command });
})();
