// Parts that several views use: links into the repository, copying, the memory bar, reasons, tables.
"use strict";
(() => {
  const { el, svg, gib } = ftc;

  /** owner/name: as stamped by the workflow, or as the address of a GitHub page tells it; empty when neither does. */
  /** @type {Ftc["repository"]} */
  function repository() {
    if (window.ftcRepository) return window.ftcRepository;
    const owner = location.hostname.match(/^([a-z0-9-]+)\.github\.io$/i);
    const name = location.pathname.split("/")[1];
    return owner && name ? owner[1] + "/" + name : "";
  }

  /** A file of the repository: on GitHub where it is known, else beside the page in the checkout. */
  /** @type {Ftc["fileAddress"]} */
  function fileAddress(path) {
    return repository() ? "https://github.com/" + repository() + "/blob/main/" + path : "../../" + path;
  }

  /** @type {Ftc["fileLink"]} */
  const fileLink = (path, text) => el("a", { href: fileAddress(path) }, text ?? path);

  /** A source as pieces [text, address]. */
  /** @type {Ftc["source"]} */
  function source(pieces) {
    return pieces.map(([text, address]) => {
      if (!address) return text;
      return address.startsWith("repo:") ? fileLink(address.slice(5), text) : el("a", { href: address }, text);
    });
  }

  /** @type {Ftc["colabAddress"]} */
  function colabAddress(notebook) {
    return repository()
      ? "https://colab.research.google.com/github/" + repository() + "/blob/main/generated/" + notebook
      : "https://colab.research.google.com/";
  }

  /** A button that copies what `text` returns, and says so. */
  /** @type {Ftc["copyButton"]} */
  function copyButton(label, text, kind = "button") {
    const button = el("button." + kind, { type: "button" }, label);
    button.addEventListener("click", async () => {
      const done = await copy(text());
      button.textContent = done ? "Copied" : "Press Ctrl+C";
      ftc.say(done ? "Copied to the clipboard" : "The browser refused the clipboard");
      setTimeout(() => (button.textContent = label), 1600);
    });
    return button;
  }

  /** @type {(text: string) => Promise<boolean>} */
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // A page opened from a disk has no clipboard in some browsers; a selected text area still copies.
      const area = el("textarea.unseen", { "aria-hidden": "true" });
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  }

  /** @type {Record<string, string>} */
  const TERMS = {
    weights: "Weights",
    quantization_scales: "Scales of the 4-bit blocks",
    adapters: "Adapters",
    reference_model: "Reference model",
    master_weights: "fp32 master weights",
    autocast_copies: "16-bit copies (autocast)",
    gradients: "Gradients",
    optimizer_states: "Optimizer states",
    optimizer_temporary: "Optimizer's temporary",
    sharding_buffers: "Sharding buffers",
    dequantized_weight: "One dequantised weight",
    checkpoints: "Activation checkpoints",
    layer_activations: "Activations",
    attention_scores: "Attention scores",
    logits_and_loss: "Logits and loss",
    generation_cache: "Generation cache",
    workspace: "Workspace",
  };
  /** Colours by term, the same in every bar; what seldom meets shares one. */
  /** @type {Record<string, number>} */
  const COLOURS = {
    weights: 0,
    attention_scores: 1,
    optimizer_states: 2,
    layer_activations: 3,
    logits_and_loss: 4,
    checkpoints: 5,
    adapters: 6,
    gradients: 7,
    quantization_scales: 8,
    sharding_buffers: 9,
    workspace: 10,
    reference_model: 11,
    master_weights: 11,
    autocast_copies: 8,
    optimizer_temporary: 10,
    dequantized_weight: 9,
    generation_cache: 6,
  };

  /** @type {(name: string, size: number, kind: string) => [string, number, string]} */
  const part = (name, size, kind) => [name, size, kind];

  /** The memory of a run against the card: terms at the peak, what is kept in reserve up to the bound, what is free. */
  /** @type {Ftc["memoryBar"]} */
  function memoryBar(vram) {
    const terms = Object.entries(vram.terms).sort((a, b) => b[1] - a[1]);
    const reserve = Math.max(0, vram.upper_gib - vram.allocated_gib);
    const whole = Math.max(vram.usable_gib, vram.upper_gib);
    /** @type {[name: string, size: number, kind: string][]} */
    const parts = [
      ...terms.map(([name, size]) => part(TERMS[name] ?? name, size, "term t" + (COLOURS[name] ?? 10))),
      ["Reserve: context, fragmentation, doubt", reserve, "term reserve"],
    ];
    const free = vram.usable_gib - vram.upper_gib;
    if (free > 0) parts.push(["Free", free, "term free"]);
    const label = "Memory: at most " + gib(vram.upper_gib) + " of " + gib(vram.usable_gib) + " usable. ";
    const said = label + parts.map(([name, size]) => name + " " + gib(size)).join(", ");
    const bar = el("div.bar", { role: "img", "aria-label": said });
    for (const [name, size, kind] of parts) {
      bar.append(
        el("span." + kind.replaceAll(" ", "."), {
          "--size": (100 * size) / whole + "%",
          title: name + ": " + gib(size),
        }),
      );
    }
    const legend = el(
      "ul.legend",
      {},
      parts.map(([name, size, kind]) =>
        el(
          "li",
          {},
          el("span." + kind.replaceAll(" ", "."), {}),
          el("span.name", {}, name),
          el("span.size", {}, gib(size)),
        ),
      ),
    );
    return el("div.memory", {}, bar, legend);
  }

  /** A small bar of need against card, for tables. */
  /** @type {Ftc["smallBar"]} */
  function smallBar(need, usable) {
    const part = Math.min(100, (100 * need) / usable);
    return el("span.small-bar", { "aria-hidden": "true" }, el("span", { "--size": part + "%" }));
  }

  /** @type {Ftc["meter"]} */
  function meter(value) {
    const round = 2 * Math.PI * 26;
    return svg(
      "svg.meter",
      { viewBox: "0 0 64 64", role: "img", "aria-label": "Confidence " + ftc.share(value) },
      svg("circle.rail", { cx: 32, cy: 32, r: 26 }),
      svg("circle.value", { cx: 32, cy: 32, r: 26, "stroke-dasharray": value * round + " " + round }),
      svg("text", { x: 32, y: 37, "text-anchor": "middle" }, ftc.share(value).replace("\u00a0%", "%")),
    );
  }

  /** A table with a caption; cells are nodes or text, the first of each row is its header. */
  /** @type {Ftc["table"]} */
  function table(caption, heads, rows, kind = "") {
    return el(
      "div.scroll",
      { tabindex: 0, role: "region", "aria-label": caption },
      el(
        "table" + (kind && "." + kind),
        {},
        el("caption.unseen", {}, caption),
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            heads.map((head) => el("th", { scope: "col" }, head)),
          ),
        ),
        el(
          "tbody",
          {},
          rows.map((row) =>
            el(
              "tr",
              {},
              row.map((cell, column) =>
                column ? el("td", { "data-head": heads[column] }, cell) : el("th", { scope: "row" }, cell),
              ),
            ),
          ),
        ),
      ),
    );
  }

  const FIRST = [
    "learning_rate",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "effective_batch_size",
    "max_length",
    "num_train_epochs",
    "lora_r",
    "lora_alpha",
    "target_modules",
    "gradient_checkpointing",
    "precision",
    "optim",
    "lr_scheduler_type",
    "warmup_ratio",
  ];

  /**
   * A configuration with the reason of each value: what people look for first, the rest folded away.
   * `why` rows are [field, rule, source's number, observations].
   */
  /** @type {Ftc["reasons"]} */
  function reasons(config, why, sources) {
    const known = why.filter(([field]) => config[field] !== undefined && config[field] !== null);
    const first = known
      .filter(([field]) => FIRST.includes(field))
      .sort((a, b) => FIRST.indexOf(a[0]) - FIRST.indexOf(b[0]));
    const rest = known.filter(([field]) => !FIRST.includes(field));
    return [
      reasonTable("Main settings with reasons", config, first, sources),
      el(
        "details",
        {},
        el("summary", {}, rest.length + " more settings"),
        reasonTable("Further settings with reasons", config, rest, sources),
      ),
    ];
  }

  /** @type {(caption: string, config: Record<string, Setting>, why: Reason[], sources: Source[]) => HTMLElement} */
  function reasonTable(caption, config, why, sources) {
    const rows = why.map(([field, rule, from, n]) => [
      el("code", {}, field),
      el("b", {}, value(config[field])),
      rule,
      source(sources[from]),
      n === null ? "" : String(n),
    ]);
    return table(caption, ["Setting", "Value", "Rule", "Source", "Observations"], rows, "reasons");
  }

  /** @type {Ftc["value"]} */
  function value(of) {
    if (Array.isArray(of)) return of.join(", ");
    return typeof of === "number" ? ftc.number(of) : String(of);
  }

  /** Adapters in the order in which the recommender tries them: every weight first only where that is usual. */
  /** @type {Ftc["preferred"]} */
  function preferred(model) {
    const [, count, kind] = ftc.data.core.models.find(([id]) => id === model) ?? [model, 0, "causal_lm"];
    return kind !== "causal_lm" || count < 1e9 ? ["full", "lora", "qlora"] : ["lora", "qlora", "full"];
  }

  /** A command to copy. */
  /** @type {Ftc["commandLine"]} */
  function commandLine(text) {
    return el(
      "div.code",
      {},
      copyButton("Copy", () => text, "quiet"),
      el("pre.wrap", { tabindex: 0, role: "region", "aria-label": "Command" }, text),
    );
  }

  Object.assign(ftc, {
    preferred,
    commandLine,
    repository,
    fileAddress,
    fileLink,
    source,
    colabAddress,
    copyButton,
    memoryBar,
    smallBar,
    meter,
    table,
    reasons,
    value,
  });
})();
