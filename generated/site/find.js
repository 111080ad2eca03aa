// The first view: pick model, task and hardware, read the answer.
"use strict";
(() => {
  const { el, gib } = ftc;
  const ORDER = ["full", "lora", "qlora"];
  const START = { model: "meta-llama/Llama-3.1-8B-Instruct", task: "instruction_following", on: "colab/free" };
  /** @type {Row[] | null} */
  let rows = null;

  /** The catalogue as objects. */
  /** @type {Ftc["catalogue"]} */
  function catalogue() {
    const { core } = ftc.data;
    rows ??= core.rows.map((values) => {
      /** @type {any} */
      const row = Object.fromEntries(core.columns.map((name, index) => [name, values[index]]));
      return { ...row, model: core.models[row.model][0] };
    });
    return rows;
  }

  /** Tasks that suit the model's kind. */
  /** @type {(model: string) => [id: string, task: Task][]} */
  function tasksFor(model) {
    const kind = ftc.data.core.models.find(([id]) => id === model)?.[2] ?? "causal_lm";
    return Object.entries(ftc.data.core.tasks).filter(([, task]) => task.kinds.includes(kind));
  }

  /** The choices of the address, each replaced by a fitting one where it names nothing. */
  /** @type {() => Chosen} */
  function choices() {
    const asked = ftc.read();
    const known = ftc.oneOf(
      ftc.data.core.models.map(([id]) => id),
      asked.model,
    );
    const model = known ?? START.model;
    const tasks = tasksFor(model).map(([id]) => id);
    const mine = catalogue().filter((row) => row.model === model);
    const own = mine.find((row) => row.task === (asked.task ?? START.task)) ?? mine[0];
    const task =
      ftc.oneOf(tasks, asked.task) ?? own?.task ?? (tasks.includes(START.task) ? START.task : String(tasks[0]));
    const on = asked.on ?? (known ? (own?.place ?? START.on) : START.on);
    const adapter = ftc.oneOf(ORDER, asked.adapter) ?? "auto";
    return { view: "find", model, task, objective: asked.objective, adapter, on };
  }

  /** @type {(change: Partial<Wanted>) => void} */
  function go(change) {
    location.hash = ftc.address({ ...choices(), ...change });
  }

  /** The hardware that was chosen: a place of the catalogue, a card, or a number of GiB. */
  /** @type {(on: string) => Target} */
  function hardware(on) {
    const { places, cards } = ftc.data.core;
    if (Object.hasOwn(places, on)) return { ...places[on], place: on };
    const card = cards.find((each) => each.id === on);
    if (card) return { title: card.id, card: card.id, gpus: 1, usable: card.usable, of: card };
    const typed = Number(on.replace(/^vram:/, ""));
    const usable = Number.isFinite(typed) && typed > 0 ? typed : 24;
    return { title: "a card with " + ftc.number(usable) + " GiB", card: null, gpus: 1, usable, of: null };
  }

  /** What the address asks for and cannot be had, said in words instead of being replaced in silence. */
  /** @type {(chosen: Chosen, target: Target) => HTMLElement[]} */
  function oddities(chosen, target) {
    const asked = ftc.read();
    const typed = asked.on?.replace(/^vram:/, "");
    /** @type {string[]} */
    const told = [];
    if (asked.model && asked.model !== chosen.model)
      told.push("The registry has no model “" + asked.model + "”. This is " + chosen.model + ".");
    if (asked.task && asked.task !== chosen.task)
      told.push(
        (Object.hasOwn(ftc.data.core.tasks, asked.task)
          ? ftc.data.core.tasks[asked.task].title + " is no task for this model."
          : "There is no task “" + asked.task + "”.") +
          " This is " +
          ftc.data.core.tasks[chosen.task].title.toLowerCase() +
          ".",
      );
    if (typed && !target.card && !(Number(typed) > 0 && Number.isFinite(Number(typed))))
      told.push(
        (asked.on === typed ? "There is no hardware “" : "Memory is a number of GiB above 0, not “") +
          typed +
          "”. This is " +
          target.title +
          ".",
      );
    return told.map((text) => el("p.note.warn", { role: "status" }, text));
  }

  /** @type {(place: Place) => Card} */
  const cardOf = (place) => {
    const found = ftc.data.core.cards.find((card) => card.id === place.card);
    if (!found) throw new Error("no card is called " + place.card);
    return found;
  };

  /** A bound in GiB for one card as it is on another: never less, since what was seen of one may hold for the other. */
  /** @type {(bound: number, from: Card, to: Card | null | undefined) => number} */
  function onto(bound, from, to) {
    if (!to) return bound;
    return Math.max(bound, ((bound - from.context) / (from.need ?? 1)) * (to.need ?? 1) + to.context);
  }

  /** Whether an answer for one place runs on another card: memory, arithmetic type, 4-bit kernels. */
  /** @type {(row: Row, target: Target) => boolean} */
  function suits(row, target) {
    const place = ftc.data.core.places[row.place];
    if (place.gpus !== 1) return false;
    const from = cardOf(place);
    const to = target.of;
    if (to && ((from.bf16 && !to.bf16) || (row.adapter === "qlora" && !to.nf4))) return false;
    return onto(row.upper_gib, from, to) <= target.usable;
  }

  /** The row to show and, where it was sized for other hardware, that it was. */
  /** @type {(chosen: Chosen) => Decision} */
  function decide(chosen) {
    const target = hardware(chosen.on);
    const mine = catalogue().filter((row) => row.model === chosen.model && row.task === chosen.task);
    const objectives = [...new Set(mine.map((row) => row.objective))];
    const usual = ftc.data.core.tasks[chosen.task].objective;
    const objective = ftc.oneOf(objectives, chosen.objective) ?? ftc.oneOf(objectives, usual) ?? objectives[0];
    const same = mine.filter((row) => row.objective === objective);
    const order = ftc.preferred(chosen.model);
    /** @type {(a: Row, b: Row) => number} */
    const rank = (a, b) => order.indexOf(a.adapter) - order.indexOf(b.adapter);
    /** @type {(row: Row) => boolean} */
    const wanted = (row) => chosen.adapter === "auto" || row.adapter === chosen.adapter;
    const exact = same.filter((row) => row.place === chosen.on && wanted(row)).sort(rank)[0];
    const near =
      exact || target.gpus > 1
        ? null
        : same
            .filter((row) => wanted(row) && suits(row, target))
            .sort((a, b) => rank(a, b) || b.upper_gib - a.upper_gib)[0];
    return { target, objective, objectives, same, exact, near };
  }

  /** The command that asks for exactly what was chosen. */
  /** @type {(chosen: Chosen, target: Target) => string} */
  function commandFor(chosen, target) {
    const [platform, plan, card] = chosen.on.split("/");
    const known = target.card ?? ftc.data.core.cards.filter((each) => each.usable <= target.usable).pop()?.id;
    const place = target.place
      ? " --platform " + platform + " --plan " + plan + (card ? " --gpu " + card : "")
      : known
        ? " --gpu " + known
        : "";
    const adapter = chosen.adapter === "auto" ? "" : " --adapter " + chosen.adapter;
    return "ftc recommend --model " + chosen.model + " --task " + chosen.task + adapter + place;
  }

  /** @type {(id: string, label: string, groups: Groups, chosen: string, change: (value: string) => void) => HTMLElement} */
  function select(id, label, groups, chosen, change) {
    const box = el(
      "select",
      { id, onchange: () => change(box.value) },
      groups.map(([title, options]) => {
        const items = options.map(([value, text]) => el("option", { value, selected: value === chosen }, text));
        return title ? el("optgroup", { label: title }, items) : items;
      }),
    );
    box.value = chosen;
    return el("div.field", {}, el("label", { for: id }, label), box);
  }

  /** @type {(chosen: Chosen, found: Decision) => HTMLElement} */
  function form(chosen, found) {
    const { core } = ftc.data;
    const listed = new Set(catalogue().map((row) => row.model));
    const options = core.models
      .map(([id, count]) => ({
        id,
        text: id.toLowerCase(),
        hint: ftc.parameters(count) + (listed.has(id) ? " · notebooks" : ""),
      }))
      .sort((a, b) => Number(listed.has(b.id)) - Number(listed.has(a.id)));
    /** @type {[string, string][]} */
    const places = Object.entries(core.places).map(([id, place]) => [
      id,
      place.kind === "local" ? ftc.cards(place) + " (workstation)" : place.title + ": " + ftc.cards(place),
    ]);
    const typed = !Object.hasOwn(core.places, chosen.on) && !core.cards.some((card) => card.id === chosen.on);
    /** @type {Groups} */
    const groups = [
      ["Where notebooks run", places.filter(([id]) => core.places[id].kind !== "local")],
      ["Workstations", places.filter(([id]) => core.places[id].kind === "local")],
      ["Any one card", core.cards.map((card) => [card.id, card.id + " (" + gib(card.usable) + ")"])],
      ["Something else", [["vram:", "Type the memory…"]]],
    ];
    const memory = el("input", {
      id: "gib",
      type: "number",
      min: 1,
      max: 1000,
      step: "any",
      value: typed ? found.target.usable : 24,
      onchange: () => go({ on: "vram:" + (memory.value || 24) }),
    });
    return el(
      "form.ask",
      { "aria-label": "Your question", onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
      ftc.picker("Model", options, chosen.model, (model) => go({ model, task: null, objective: null })),
      select(
        "task",
        "Task",
        [["", tasksFor(chosen.model).map(([id, task]) => [id, task.title])]],
        chosen.task,
        (task) => go({ task, objective: null }),
      ),
      select("on", "Hardware", groups, typed ? "vram:" : chosen.on, (on) =>
        go({ on: on === "vram:" ? "vram:24" : on }),
      ),
      typed && el("div.field.narrow", {}, el("label", { for: "gib" }, "GiB per card"), memory),
      el(
        "fieldset.chips",
        {},
        el("legend", {}, "Adapter"),
        ["auto", ...ORDER].map((name) =>
          el(
            "label.chip",
            {},
            el("input", {
              type: "radio",
              name: "adapter",
              value: name,
              checked: chosen.adapter === name,
              onchange: () => go({ adapter: name }),
            }),
            name === "auto" ? "Best that fits" : ftc.ADAPTERS[name],
          ),
        ),
      ),
      found.objectives.length > 1 &&
        el(
          "fieldset.chips",
          {},
          el("legend", {}, "Objective"),
          found.objectives.map((name) =>
            el(
              "label.chip",
              {},
              el("input", {
                type: "radio",
                name: "objective",
                value: name,
                checked: found.objective === name,
                onchange: () => go({ objective: name }),
              }),
              ftc.OBJECTIVES[name],
            ),
          ),
        ),
    );
  }

  /** The same model and task on other hardware: one line each, every entry of the catalogue a link away. */
  /** @type {(chosen: Chosen, found: Decision) => HTMLElement | null} */
  function others(chosen, found) {
    if (!found.same.length) return null;
    const sorted = [...found.same].sort(
      (a, b) => a.usable_gib - b.usable_gib || ORDER.indexOf(a.adapter) - ORDER.indexOf(b.adapter),
    );
    const lines = sorted.map((row) => {
      const place = ftc.data.core.places[row.place];
      const here = row === found.exact;
      return [
        el(
          "a",
          {
            href: ftc.address({ ...chosen, on: row.place, adapter: row.adapter, objective: row.objective }),
            "aria-current": here ? "true" : null,
          },
          ftc.cards(place) + ", " + place.title,
        ),
        ftc.ADAPTERS[row.adapter],
        ftc.number(row.learning_rate),
        row.per_device_train_batch_size + " / " + row.effective_batch_size,
        String(row.max_length),
        [ftc.smallBar(row.upper_gib, row.usable_gib), gib(row.upper_gib) + " of " + gib(row.usable_gib)],
        ftc.share(row.confidence),
      ];
    });
    return el(
      "section.panel",
      { "aria-labelledby": "others" },
      el("h2", { id: "others" }, "The same elsewhere"),
      ftc.table(
        "The same model and task on other hardware",
        ["Hardware", "Adapter", "Learning rate", "Batch", "Length", "Memory", "Confidence"],
        lines,
        "others",
      ),
    );
  }

  /**
   * What would fit, as the command says it; an adapter that would is a link.
   * @type {(chosen: Chosen, hint: string) => Child}
   */
  function offer(chosen, hint) {
    const [before, adapter] = hint.split("--adapter ");
    if (!ftc.oneOf(ORDER, adapter)) return hint;
    return [before, el("a", { href: ftc.address({ ...chosen, adapter }) }, ftc.ADAPTERS[adapter])];
  }

  /** @type {(chosen: Chosen) => HTMLElement[]} */
  function misfit(chosen) {
    const { core } = ftc.data;
    const found = core.misfits.filter(
      ([model, task, , adapter, place]) =>
        core.models[model][0] === chosen.model &&
        task === chosen.task &&
        place === chosen.on &&
        (chosen.adapter === "auto" || adapter === chosen.adapter),
    );
    return found.map(([, , , adapter, place, hints]) =>
      el(
        "p.note.warn",
        {},
        el("b", {}, ftc.ADAPTERS[adapter] + " does not fit " + ftc.cards(core.places[place]) + ". "),
        hints.map((hint) => [offer(chosen, hint.replace(/^it would/, "It would")), ". "]),
      ),
    );
  }

  /** @type {View["render"]} */
  async function render(view) {
    const chosen = choices();
    const found = decide(chosen);
    const hints = found.exact ? [] : misfit(chosen);
    const target = { ...found.target, command: commandFor(chosen, found.target), listed: hints.length > 0 };
    const intro = ftc.read().model
      ? null
      : el(
          "p.hello",
          {},
          "Which configuration fine-tunes ",
          el("em", {}, "this model"),
          " for ",
          el("em", {}, "this task"),
          " on ",
          el("em", {}, "this hardware"),
          ", so that it fits, trains well, and says why?",
        );
    const body = el("div", { "aria-live": "off" });
    ftc.show(view, intro, form(chosen, found), body);
    const row = found.exact ?? found.near;
    const main = row ? await ftc.showAnswer(row, found.exact ? null : target) : await ftc.showNeeds(chosen, target);
    const rest = others(chosen, found);
    body.append(...oddities(chosen, target), ...hints, main, ...(rest ? [rest] : []));
    ftc.say(body.querySelector("h1")?.textContent ?? "");
  }

  ftc.views.find = { title: "Find a configuration", render };
  Object.assign(ftc, { catalogue });
})();
