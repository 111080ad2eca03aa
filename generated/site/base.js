// What all views share: loading data, making elements, the address, words and numbers.
"use strict";
/** @type {Ftc} */
const ftc = (() => {
  /** @type {any} */
  const data = {};
  /** @type {Record<string, Promise<unknown>>} */
  const waiting = {};

  /** Called by every data file. */
  /** @type {Ftc["receive"]} */
  function receive(name, value) {
    data[name] = value;
  }

  /** Loads data/<name>.js once. A script tag works from a disk, where a request is refused. */
  /** @type {(name: string) => Promise<unknown>} */
  function load(name) {
    if (data[name]) return Promise.resolve(data[name]);
    waiting[name] ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = "data/" + name.split("/").map(encodeURIComponent).join("/") + ".js";
      script.onload = () => (data[name] ? resolve(data[name]) : reject(new Error(name + " holds no data")));
      script.onerror = () => {
        delete waiting[name];
        reject(new Error("could not load " + script.src));
      };
      document.head.append(script);
    });
    return waiting[name];
  }

  /** el("a.button", {href}, child, "text"): an element with classes, attributes, listeners (on…) and children. */
  /** @type {(what: string, attributes: Attributes, ...children: Child[]) => Element} */
  function el(what, attributes, ...children) {
    const [tag, ...classes] = what.split(".");
    return fill(document.createElement(tag), classes, attributes, children);
  }

  /** The same for SVG. */
  /** @type {(what: string, attributes: Attributes, ...children: Child[]) => Element} */
  function svg(what, attributes, ...children) {
    const [tag, ...classes] = what.split(".");
    return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), classes, attributes, children);
  }

  /** What a reader changes. Kept out of the attributes, so that a form is equal to a fresh one with other choices. */
  const STATE = ["value", "checked", "selected"];

  /** @type {(node: any, classes: string[], attributes: Attributes, children: any[]) => Element} */
  function fill(node, classes, attributes, children) {
    if (classes.length) node.setAttribute("class", classes.join(" "));
    if (node.tagName === "OPTION") node.setAttribute("value", attributes?.value);
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value === undefined || value === null || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name.startsWith("--")) node.style.setProperty(name, value);
      else if (STATE.includes(name) && name in node) node[name] = value;
      else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }

  /** An element of the markup. @type {Ftc["at"]} */
  function at(id) {
    const found = document.getElementById(id);
    if (!found) throw new Error("the page has no #" + id);
    return found;
  }

  /** Puts children into a view. A form that was there stays, so that focus and typing survive a choice. */
  /** @type {Ftc["show"]} */
  function show(view, ...children) {
    const nodes = children.filter((child) => child instanceof Node);
    const old = view.querySelector(":scope > form");
    const fresh = nodes.find((node) => node instanceof HTMLFormElement);
    if (!old || !fresh || old.getAttribute("aria-label") !== fresh.getAttribute("aria-label"))
      return view.replaceChildren(...nodes);
    renew(old, fresh);
    for (const node of [...view.childNodes]) if (node !== old) node.remove();
    const place = nodes.indexOf(fresh);
    old.before(...nodes.slice(0, place));
    old.after(...nodes.slice(place + 1));
  }

  /** @type {(field: Element) => HTMLInputElement[]} */
  const choosers = (field) => [...field.querySelectorAll("input, select")].map((input) => /** @type {any} */ (input));

  /** Fields that did not change take the new choices only; the others are replaced. */
  /** @type {(old: Element, fresh: Element) => void} */
  function renew(old, fresh) {
    const fields = [...fresh.children];
    while (old.children.length > fields.length) old.lastElementChild?.remove();
    fields.forEach((field, index) => {
      const before = old.children[index];
      if (!before) return old.append(field);
      if (!before.isEqualNode(field)) return before.replaceWith(field);
      const inputs = choosers(field);
      choosers(before).forEach((input, number) => {
        const wanted = inputs[number];
        if (input.type === "radio") input.checked = wanted.checked;
        else if (input.value !== wanted.value) input.value = wanted.value;
        if (wanted.chosen !== undefined) input.chosen = wanted.chosen;
      });
    });
  }

  /** A value if it is one of those. @type {Ftc["oneOf"]} */
  const oneOf = (values, value) => values.find((each) => each === value);

  /** Says something to a screen reader. */
  /** @type {Ftc["say"]} */
  function say(text) {
    ftc.at("said").textContent = text;
  }

  /** The address as {view, …choices}; everything that can be chosen stands in it, so that every answer has a link. */
  /** @type {Ftc["read"]} */
  function read() {
    const [view, query] = location.hash.replace(/^#/, "").split("?");
    return { view: view || "find", ...Object.fromEntries(new URLSearchParams(query ?? "")) };
  }

  /** @type {Ftc["address"]} */
  function address(choices) {
    const { view, ...rest } = choices;
    const known = Object.entries(rest).filter(([, value]) => value !== undefined && value !== null && value !== "");
    const query = new URLSearchParams(known.map(([name, value]) => [name, String(value)])).toString();
    return "#" + view + (query ? "?" + query : "");
  }

  /** Four significant digits at most, as everywhere in the repository. */
  /** @type {Ftc["number"]} */
  function number(value, digits = 4) {
    if (value === null || value === undefined) return "–";
    if (value === 0) return "0";
    const size = Math.abs(value);
    const short = toDigits(value, digits);
    return size < 1e-3 || size >= 1e6 ? short.toExponential().replace("e+", "e") : String(short);
  }

  /** Rounded as the command rounds: a tie goes to the even digit, where toPrecision takes the larger one. */
  /** @type {(value: number, digits: number) => number} */
  function toDigits(value, digits) {
    const tie = value
      .toPrecision(digits + 40)
      .replace(/\.|e.*/g, "")
      .endsWith("5" + "0".repeat(39));
    const odd = /[13579]$/.test(value.toPrecision(digits).replace(/e.*/, ""));
    return Number((tie && odd ? value * (1 - 1e-9) : value).toPrecision(digits));
  }

  /** @type {Ftc["gib"]} */
  const gib = (value) => number(value, value >= 10 ? 3 : 2) + "\u00a0GiB";
  /** @type {Ftc["share"]} */
  const share = (value) => Math.round(value * 100) + "\u00a0%";

  /** @type {Ftc["parameters"]} */
  function parameters(count) {
    return count >= 9.995e8 ? number(count / 1e9, 3) + " B" : number(count / 1e6, 3) + " M";
  }

  /** What a process has of a card, or of all cards: "T4", "8 × A100-SXM4-80GB". */
  /** @type {Ftc["cards"]} */
  const cards = (place) => (place.gpus > 1 ? place.gpus + " × " : "") + place.card;

  const ADAPTERS = { full: "Full fine-tuning", lora: "LoRA", qlora: "QLoRA" };
  const OBJECTIVES = {
    sft: "supervised (SFT)",
    dpo: "preferences (DPO)",
    orpo: "preferences (ORPO)",
    kto: "ratings (KTO)",
    simpo: "preferences (SimPO)",
    cpt: "plain text (CPT)",
    grpo: "rewards (GRPO)",
  };

  return /** @type {any} */ ({
    data,
    receive,
    load,
    el,
    svg,
    show,
    say,
    oneOf,
    at,
    read,
    address,
    number,
    gib,
    share,
    parameters,
    cards,
    ADAPTERS,
    OBJECTIVES,
    views: {},
  });
})();
