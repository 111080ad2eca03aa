// A text field that proposes: the combobox of the ARIA authoring practices, with the list below the field.
"use strict";
/** @type {Ftc["picker"]} */
ftc.picker = (label, options, start, choose) => {
  const { el } = ftc;
  const list = el("ul.options", { role: "listbox", id: "models", "aria-label": label, hidden: true });
  const input = el("input", {
    id: "model",
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    "aria-expanded": "false",
    "aria-controls": "models",
    "aria-autocomplete": "list",
    value: start,
  });
  input.chosen = start;
  const SHOWN = 60;
  let active = -1;
  /** @type {Choice[]} */
  let shown = [];

  /** @type {(text: string) => Choice[]} */
  function matching(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return options.filter((option) => words.every((word) => option.text.includes(word)));
  }

  /** @type {(text: string) => void} */
  function open(text) {
    shown = matching(text).slice(0, SHOWN);
    list.replaceChildren(
      ...shown.map((option, index) =>
        el(
          "li",
          {
            role: "option",
            id: "model-" + index,
            "aria-selected": option.id === input.chosen ? "true" : "false",
            onpointerdown: (/** @type {Event} */ event) => {
              event.preventDefault();
              take(option.id);
            },
          },
          el("span", {}, option.id),
          el("span.hint", {}, option.hint),
        ),
      ),
    );
    if (!shown.length)
      list.append(
        el(
          "li.none",
          { role: "option", "aria-disabled": "true", "aria-selected": "false" },
          "No model of the registry is called so",
        ),
      );
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(-1);
  }

  function close() {
    list.hidden = true;
    list.replaceChildren();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    active = -1;
  }

  /** @type {(index: number) => void} */
  function mark(index) {
    list.children[active]?.classList.remove("active");
    active = index;
    const item = index >= 0 ? list.children[index] : null;
    if (!item) return input.removeAttribute("aria-activedescendant");
    item.classList.add("active");
    item.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", item.id);
  }

  /** @type {(id: string) => void} */
  function take(id) {
    input.chosen = id;
    input.value = id;
    close();
    choose(id);
  }

  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowDown: () => (list.hidden ? open("") : mark(Math.min(active + 1, shown.length - 1))),
    ArrowUp: () => mark(Math.max(active - 1, 0)),
    Enter: () => {
      const option = shown[Math.max(active, 0)];
      if (!list.hidden && option) take(option.id);
    },
    Escape: () => {
      input.value = input.chosen ?? start;
      close();
    },
  };
  input.addEventListener("keydown", (event) => {
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  input.addEventListener("input", () => open(input.value));
  input.addEventListener("focus", () => {
    input.select();
  });
  input.addEventListener("click", () => {
    if (list.hidden) open("");
  });
  input.addEventListener("blur", () => {
    input.value = input.chosen ?? start;
    close();
  });
  return el("div.field.picker", {}, el("label", { for: "model" }, label), input, list);
};
