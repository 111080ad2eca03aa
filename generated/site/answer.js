// One answer of the catalogue in full: verdict, memory, confidence, settings with reasons, exports, notebook.
"use strict";
(() => {
  const { el, gib } = ftc;
  const FRAMEWORKS = {
    trl: "TRL",
    axolotl: "Axolotl",
    llamafactory: "LLaMA-Factory",
    torchtune: "torchtune",
    oumi: "Oumi",
    "ms-swift": "ms-swift",
  };

  /** The command that gives the same answer in a terminal. */
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
  async function show(row, target) {
    const chunk = await ftc.load("answers/" + row.model + "/" + row.task);
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
          memory(row, entry, target),
        ),
        el("section.panel", { "aria-labelledby": "sure" }, el("h2", { id: "sure" }, "How sure"), sure(entry)),
      ),
      exports,
      settings(entry, chunk),
      pins(entry),
    );
    take(exports, row, entry);
    return page;
  }

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

  function duration(hours) {
    if (hours >= 1) return "about " + ftc.number(hours, 2) + " h";
    return hours * 60 >= 1 ? "about " + ftc.number(hours * 60, 2) + " min" : "under a minute";
  }

  function memory(row, entry, target) {
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
  async function take(panel, row, entry) {
    const notebook = "notebooks/" + row.model + "/" + row.tail + ".ipynb";
    panel.append(
      el("h2", { id: "take" }, "Take it with you"),
      el(
        "p.buttons",
        {},
        el(
          "a.button",
          { href: "../" + notebook, download: row.model.split("/").pop() + "_" + row.tail + ".ipynb" },
          "Download notebook",
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
    if (entry.config.model_kind && entry.config.model_kind !== "causal_lm") return;
    const chunk = await ftc.load("exports/" + row.model + "/" + row.task);
    const texts = chunk.entries[row.tail];
    const names = Object.keys(FRAMEWORKS).filter((name) => texts[name]);
    if (!names.length)
      return panel.append(
        el("p.small", {}, "The frameworks below train causal language models; for this one take the notebook."),
      );
    const text = (name) => texts[name].map((line) => chunk.lines[line]).join("\n");
    const shown = el("pre", { tabindex: 0, role: "region", "aria-label": "Configuration text" });
    const copy = ftc.copyButton("Copy", () => shown.textContent, "quiet");
    const note = el("p.note.warn", { hidden: true });
    const choose = (name) => {
      shown.textContent = text(name);
      const memory = shown.textContent.match(/^# warning: memory: (.*)$/m);
      note.hidden = !memory;
      note.textContent = memory ? FRAMEWORKS[name] + ": " + memory[1] + "." : "";
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
    panel.append(
      el("fieldset.chips", {}, el("legend", {}, "As a configuration for"), tabs),
      note,
      el("div.code", {}, copy, shown),
    );
  }

  Object.assign(ftc, { showAnswer: show, commandOf: command });
})();
