// What the page's scripts share, and what its data hold: read by the TypeScript compiler, never by a browser.

type Kind = "causal_lm" | "seq2seq" | "sequence_classification";
type Child = Node | string | number | boolean | null | undefined | Child[];
type Attributes = Record<string, unknown> | null;

/** The element that a name such as "a.button.second" makes. */
type Made<What extends string, Map, Otherwise> = What extends `${infer Tag}.${string}`
  ? Tag extends keyof Map
    ? Map[Tag]
    : Otherwise
  : What extends keyof Map
    ? Map[What]
    : Otherwise;

/** Choices as they stand in the address. */
interface Asked {
  view: string;
  [name: string]: string | undefined;
}

/** Choices that an address is made of. */
interface Wanted {
  view: string;
  [name: string]: string | number | null | undefined;
}

interface Chosen {
  view: string;
  model: string;
  task: string;
  objective: string | undefined;
  adapter: string;
  on: string;
}

interface Card {
  id: string;
  architecture: string | null;
  usable: number;
  nominal: number;
  bf16: boolean;
  nf4: boolean;
  kind: number;
  context: number;
  /** The factor on every bound of this card; absent: 1. */
  need?: number;
}

interface Place {
  title: string;
  card: string;
  gpus: number;
  kind: string;
  usable: number;
  hours: number | null;
}

/** Hardware that was chosen: a place, a card (`of`), or an amount of memory alone. */
interface Target {
  title: string;
  card: string | null;
  gpus: number;
  usable: number;
  place?: string;
  of?: Card | null;
}

/** The same with the command that asks for it, and whether the catalogue lists it as a misfit. */
interface Aim extends Target {
  command: string;
  listed: boolean;
}

/** A row of the catalogue that fits. */
interface Row {
  model: string;
  task: string;
  objective: string;
  adapter: string;
  place: string;
  learning_rate: number;
  effective_batch_size: number;
  per_device_train_batch_size: number;
  max_length: number;
  upper_gib: number;
  usable_gib: number;
  confidence: number;
  hours_per_1000_rows: number | null;
  tail: string;
}

interface Task {
  title: string;
  description: string;
  dataset: string | null;
  objective: string;
  kinds: Kind[];
  length: number;
}

interface Core {
  cards: Card[];
  columns: string[];
  models: [id: string, parameters: number, kind: Kind][];
  misfits: [model: number, task: string, objective: string, adapter: string, place: string, hints: string[]][];
  places: Record<string, Place>;
  rows: (string | number | null)[][];
  stacks: Record<string, { pins: Record<string, string>; from_image: Record<string, string> }>;
  tasks: Record<string, Task>;
}

type Setting = string | number | boolean | null | string[];
type Settings = Record<string, Setting> & {
  learning_rate: number;
  num_train_epochs: number;
  max_length: number;
  effective_batch_size: number;
  per_device_train_batch_size: number;
  gradient_accumulation_steps: number;
  lora_r: number | null;
  lora_alpha: number | null;
  optim: string;
  task_type: string;
  model_kind?: Kind;
};
/** (field, rule, source's number, observations) */
type Reason = [field: string, rule: string, source: number, n: number | null];
/** Text with its address: empty for plain text, "repo:PATH" for a file of the repository. */
type Source = [text: string, address: string][];

interface Vram {
  allocated_gib: number;
  upper_gib: number;
  usable_gib: number;
  peak_phase: string;
  terms: Record<string, number>;
}

interface Entry {
  config: Settings;
  confidence: number;
  constrained_safe: boolean;
  effective_batch_size: number;
  engine: string | null;
  strategy: string;
  warnings: string[];
  stack: string;
  vram: Vram;
  reasons: number[];
}

interface Answers {
  entries: Record<string, Entry>;
  reasons: Reason[];
  sources: Source[];
}

/** A line, or a stretch of the shared lines: (first, how many). */
type Item = string | [first: number, count: number];

interface Texts {
  entries: Record<string, Record<string, number[]>>;
  items: Item[];
}

interface Exports extends Texts {
  items: string[];
  scripts: Record<string, string[]>;
}

interface Needs {
  batches: number[];
  lengths: number[];
  models: Record<
    string,
    Record<string, [settings: number, why: number, table: number, confidence: number, constrained: number]>
  >;
  settings: Settings[];
  tables: number[][][];
  why: number[][];
  reasons: Reason[];
  sources: Source[];
}

interface Need {
  at: (length: number, batch: number) => number;
  config: Settings;
  why: Reason[];
  confidence: number;
  constrained: number;
}

interface Offer {
  adapter: string;
  found: Need;
}

/** The row to show: for that very hardware (`exact`), or sized for other hardware and good for this (`near`). */
interface Decision {
  target: Target;
  objective: string | undefined;
  objectives: string[];
  same: Row[];
  exact: Row | undefined;
  near: Row | null | undefined;
}

/** Groups of options: a title, and (value, text) of each. */
type Groups = [title: string, options: [value: string, text: string][]][];

/** What the heat map shows. */
interface Shown extends Wanted {
  objective: string;
  adapter: string;
  length: number;
  which: string;
  name: string;
  most: number;
}

type Fields = Record<string, [before: Setting, after: Setting]>;
type Move = [model: string, task: string, objective: string, adapter: string, fields: Fields];
type Bounds = [low: number, high: number];

interface Step {
  kind: "release" | "canary" | "waiting";
  from: string;
  to: string;
  at: string;
  stage: string;
  fraction: number;
  moves: Move[];
  learned: Record<string, Move[]>;
  spread: [field: string, before: Bounds, after: Bounds, count: number][];
  confidence: number[];
  strategies: Record<string, number>;
}

interface Changes {
  steps: Step[];
  subjects: number;
}

interface Engine {
  stage: string;
  artifacts: string[];
  trained_on: { rows: number; tool_version: string; recipes_digest: string };
  notes: string | null;
  path: string;
  report: string | null;
  scores: Record<string, number>;
}

interface Happened {
  version: string | null;
  from: string;
  to: string;
  fraction: number | null;
  evidence_digest: string | null;
  actor: string;
  reason: string;
  at: string;
}

interface Governance {
  engines: Record<string, Engine>;
  events: Happened[];
  state: State | null;
}

interface State {
  generation: number;
  stages: Record<string, string>;
  canary: { version: string; fraction: number; salt: string; since: string } | null;
  holds: string[];
}

type Group = [objective: string, adapter: string, size: string | null, task: string | null];

interface Priors {
  fields: Record<
    string,
    [group: number, value: number, median: number, low: number, high: number, n: number, repositories: number][]
  >;
  groups: Group[];
  recipes: number;
  repositories: number;
}

/** A group's figures of one field. */
interface Spread {
  group: Group;
  value: number;
  median: number;
  low: number;
  high: number;
  n: number;
  repositories: number;
}

interface View {
  title: string;
  render: (view: HTMLElement) => Promise<void>;
}

/** A model to pick, with the lower-case text that is searched. */
interface Choice {
  id: string;
  text: string;
  hint: string;
}

interface Data {
  core: Core;
  [name: string]: unknown;
}

interface Ftc {
  // base.js
  data: Data;
  receive(name: string, value: unknown): void;
  load(name: "priors"): Promise<Priors>;
  load(name: "changes"): Promise<Changes>;
  load(name: "governance"): Promise<Governance>;
  load(name: "scripts"): Promise<{ lines: string[] }>;
  load(name: `answers/${string}`): Promise<Answers>;
  load(name: `exports/${string}`): Promise<Exports>;
  load(name: `scripts/${string}`): Promise<Texts>;
  load(name: `needs/${string}`): Promise<Needs>;
  el<What extends string>(
    what: What,
    attributes: Attributes,
    ...children: Child[]
  ): Made<What, HTMLElementTagNameMap, HTMLElement>;
  svg<What extends string>(
    what: What,
    attributes: Attributes,
    ...children: Child[]
  ): Made<What, SVGElementTagNameMap, SVGElement>;
  show(view: HTMLElement, ...children: (Node | false | null | undefined)[]): void;
  say(text: string): void;
  at(id: string): HTMLElement;
  oneOf(values: string[], value: string | undefined): string | undefined;
  read(): Asked;
  address(choices: Wanted): string;
  number(value: number | null | undefined, digits?: number): string;
  gib(value: number): string;
  share(value: number): string;
  parameters(count: number): string;
  cards(place: { gpus: number; card: string | null }): string;
  ADAPTERS: Record<string, string>;
  OBJECTIVES: Record<string, string>;
  views: Record<string, View>;
  // parts.js
  preferred(model: string): string[];
  commandLine(text: string): HTMLElement;
  repository(): string;
  fileAddress(path: string): string;
  fileLink(path: string, text?: string): HTMLAnchorElement;
  source(pieces: Source): Child[];
  colabAddress(notebook: string): string;
  copyButton(label: string, text: () => string, kind?: string): HTMLElement;
  memoryBar(vram: Vram): HTMLElement;
  smallBar(need: number, usable: number): HTMLElement;
  meter(value: number): SVGElement;
  table(caption: string, heads: string[], rows: Child[][], kind?: string): HTMLElement;
  reasons(config: Record<string, Setting>, why: Reason[], sources: Source[]): HTMLElement[];
  value(of: Setting): string;
  // picker.js, find.js, answer.js, needs.js
  picker(label: string, options: Choice[], start: string, choose: (id: string) => void): HTMLElement;
  catalogue(): Row[];
  showAnswer(row: Row, target: Aim | null): Promise<HTMLElement>;
  commandOf(row: Row): string;
  NEEDS: string[];
  loadNeeds(objective: string | undefined): Promise<Needs>;
  showNeeds(chosen: Chosen, target: Aim): Promise<HTMLElement>;
  needOf(needs: Needs, model: string, adapter: string, card: Card | null): Need | null;
  largestBatch(needs: Needs, found: Need, length: number, usable: number): number;
}

interface Window {
  ftcRepository?: string;
}

/** What a picker last took; a form compares it with a fresh one. */
interface HTMLInputElement {
  chosen?: string;
}
interface HTMLSelectElement {
  chosen?: string;
}
