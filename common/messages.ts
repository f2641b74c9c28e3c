/**
 * What the panel and the sandbox say to each other: the one file they share. The panel asks (`REQUESTS`), the sandbox
 * answers with the request's id, and tells of what happens in the editor (`EVENTS`). Both sides check what arrives.
 * Messages carry JSON and Uint8Arrays only; Figma lets nothing else through.
 */
import * as v from 'valibot';
import { GUIDE_MODES } from '../engine/modes';

/** Bytes, also of another realm, of which instanceof knows nothing. */
export const isBytes = (value: unknown): value is Uint8Array =>
  Object.prototype.toString.call(value) === '[object Uint8Array]';
export const bytes = v.custom<Uint8Array>(isBytes);
const id = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
const name = v.pipe(v.string(), v.maxLength(300));
const finite = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const nothing = v.strictObject({});

/** Hosted: from a web server, with WebGPU. Embedded: one document, WebAssembly, no network. */
const panelKind = v.picklist(['hosted', 'embedded']);

const modelName = v.object({ name, fingerprint: v.string() });

/** A style as it was applied to a layer. */
const chosenStyle = v.object({ id, name, strength: finite });

/** How layers are restyled. */
const recipe = v.object({
  styles: v.pipe(v.array(chosenStyle), v.maxLength(16)),
  prompt: v.string(),
  guide: v.picklist(GUIDE_MODES),
  steps: count,
  seed: count,
});

/** How a result was made. Lies on its layer as JSON (pluginData), so that a teammate can go on from it. */
export const resultParameters = v.object({
  version: v.literal(1),
  kind: v.picklist(['restyled', 'imagined']),
  ...recipe.entries,
  /** The layer it was made from; null for an imagined one. The layer may be gone by now. */
  sourceId: v.nullable(id),
  model: modelName,
});

/** A selected layer, as far as the panel needs to know it. */
const node = v.object({
  id,
  name,
  /** Figma's own word: FRAME, RECTANGLE, ... */
  type: v.string(),
  /** Bounds on the canvas, px. */
  x: finite,
  y: finite,
  width: finite,
  height: finite,
  /** Why the layer cannot be exported, as a sentence for the user; null when it can. */
  obstacle: v.nullable(v.string()),
  /** What made it, when it is a result. */
  result: v.nullable(resultParameters),
});

const selection = v.object({ page: v.object({ id, name }), nodes: v.array(node) });

/** What the library knows of a style without opening its file. */
export const styleEntry = v.object({
  id,
  name,
  /** It holds its pair, which is applied without learning; left out of learned styles. */
  kind: v.optional(v.literal('pair')),
  /** What the pair showed: the base prompt. */
  prompt: v.string(),
  /** The base model it was learned on, or that reads its pair; null when the file does not say. */
  model: v.nullable(modelName),
  /** ISO 8601. */
  createdAt: v.string(),
  rank: count,
  steps: count,
  /** Size of the file. */
  bytes: count,
  /** PNG: before and after side by side; null for an imported style without a picture. */
  thumbnail: v.nullable(bytes),
});

/** Where a style is kept: in the user's own storage, in the document for everyone who opens it, or both. */
const listedStyle = v.object({ ...styleEntry.entries, inLibrary: v.boolean(), inDocument: v.boolean() });

const place = v.picklist(['library', 'document']);

/** Learning that was interrupted. Holds all it needs to go on, so that the pair's layers may change meanwhile. */
export const draft = v.object({
  name,
  prompt: v.string(),
  beforeId: id,
  afterId: id,
  /** PNGs, exactly as learning was given them: a checkpoint goes on with no others. */
  before: bytes,
  after: bytes,
  steps: count,
  contentSteps: count,
  rank: count,
  learningRate: finite,
  seed: count,
  model: modelName,
  /** Steps done. */
  done: count,
  checkpoint: bytes,
});

/** Which frames of a page or of the whole file. A name matches a pattern as plugin/find-frames.ts says; '' matches all. */
const frameFilter = v.object({ where: v.picklist(['page', 'file']), name, component: name, section: name });

const frame = v.object({ id, name });

/** Frames that are to be restyled, kept in the document until they are: all of them, and how many are over. */
export const frameBatch = v.object({
  version: v.literal(1),
  recipe,
  all: count,
  done: count,
  /** ISO 8601. */
  startedAt: v.string(),
});

export const settings = v.object({
  /** Where the panel comes from at the next start. */
  panel: panelKind,
  /** "embedded", or "hub:ORG/NAME". */
  model: v.string(),
});

const storage = v.object({ used: count, quota: count });

/** Why the plugin was started: its menu, a quick action, or a relaunch button. */
const command = v.variant('name', [
  v.object({ name: v.literal('open') }),
  v.object({ name: v.literal('learn') }),
  v.object({ name: v.literal('restyle'), styleId: v.nullable(id), strength: v.nullable(finite) }),
  v.object({ name: v.literal('tune') }),
  v.object({ name: v.literal('again') }),
  v.object({ name: v.literal('imagine') }),
]);

/** How large a layer is drawn: its long side in px; 'full' is the size results are made at (plugin/export.ts). */
const exportSize = v.union([v.literal('full'), v.pipe(v.number(), v.integer(), v.minValue(8), v.maxValue(4096))]);

/** What the panel can ask: parameters and result of each call. */
export const REQUESTS = {
  /** The first call. */
  hello: {
    params: v.object({ panel: panelKind }),
    result: v.object({
      settings,
      command,
      selection,
      /** The address of the hosted panel; null when this build has none. */
      host: v.nullable(v.string()),
      /** Set when the hosted panel was wanted and could not be reached. */
      fallback: v.boolean(),
    }),
  },
  /** Draws a layer. */
  exportNode: {
    params: v.object({ id, size: exportSize }),
    result: v.object({ png: bytes, name }),
  },
  /** Puts a result above its source. `original` is what the source looked like, and stays with the result. */
  insertResult: {
    params: v.object({ sourceId: id, original: bytes, styled: bytes, parameters: resultParameters }),
    result: v.object({ id }),
  },
  /** Puts an imagined picture beside what is selected, or in view. Width and height in px of the canvas. */
  insertImagined: {
    params: v.object({ picture: bytes, width: finite, height: finite, parameters: resultParameters }),
    result: v.object({ id }),
  },
  /** The picture a result was made from (null for an imagined one), and how it was made. */
  openResult: {
    params: v.object({ id }),
    result: v.object({ original: v.nullable(bytes), styled: bytes, parameters: resultParameters }),
  },
  /**
   * Changes a result in place. Only a final change is one step of undo and changes the parameters on the layer.
   * `original` is given when the result was made anew from its source as it looks now: it replaces the one kept with
   * the result, which then covers its source's bounds again.
   */
  updateResult: {
    params: v.object({
      id,
      styled: bytes,
      original: v.optional(bytes),
      parameters: resultParameters,
      final: v.boolean(),
    }),
    result: nothing,
  },
  /** Selects layers and brings them into view, on whatever page they are. */
  reveal: { params: v.object({ ids: v.array(id) }), result: nothing },
  /** Puts "Learn from these" on the layers of a pair. */
  markPair: { params: v.object({ beforeId: id, afterId: id }), result: nothing },

  listStyles: { params: nothing, result: v.object({ styles: v.array(listedStyle), storage }) },
  readStyle: { params: v.object({ id }), result: v.object({ file: bytes }) },
  /** Keeps a style. Fails with a QuotaError, and changes nothing, when it does not fit. */
  putStyle: { params: v.object({ entry: styleEntry, file: bytes, place }), result: v.object({ storage }) },
  renameStyle: { params: v.object({ id, name }), result: nothing },
  removeStyle: { params: v.object({ id, place }), result: v.object({ storage }) },
  /** The results that use a style; on every page, or on the current one. */
  findUses: {
    params: v.object({ styleId: id, everywhere: v.boolean() }),
    result: v.object({ uses: v.array(v.object({ id, name, page: name })) }),
  },

  readDraft: { params: nothing, result: v.object({ draft: v.nullable(draft) }) },
  /** Fails with a QuotaError, and keeps the draft before, when it does not fit. */
  putDraft: { params: v.object({ draft }), result: nothing },
  removeDraft: { params: nothing, result: nothing },

  /** The frames that match, outermost first; `barred` more cannot be drawn. Loads the pages it looks at. */
  findFrames: {
    params: frameFilter,
    result: v.object({ frames: v.array(frame), pages: count, barred: count }),
  },
  /** Keeps in the document what is to be restyled, in this order, in place of what was kept before. */
  putBatch: { params: v.object({ recipe, ids: v.array(id) }), result: v.object({ startedAt: v.string() }) },
  /**
   * The frame of this id is over: restyled or given up, or failed for a reason. The first `done` of all are over.
   * Does nothing unless the batch that began at `startedAt` is still the one that is kept.
   */
  markBatch: {
    params: v.object({ startedAt: v.string(), done: count, id, failure: v.nullable(v.string()) }),
    result: nothing,
  },
  /**
   * What is left to do and what failed; null when there is neither. `index` is a frame's place among all. Layers that
   * were deleted are left out.
   */
  readBatch: {
    params: nothing,
    result: v.object({
      batch: v.nullable(
        v.object({
          ...frameBatch.entries,
          left: v.array(v.object({ ...frame.entries, index: count })),
          failed: v.array(v.object({ ...frame.entries, reason: v.string() })),
        }),
      ),
    }),
  },
  removeBatch: { params: nothing, result: nothing },

  putSettings: { params: v.object({ settings }), result: nothing },
  /** Opens the other build of the panel in place of this one. */
  switchPanel: { params: v.object({ panel: panelKind }), result: nothing },
  /** A line at the bottom of the editor. */
  notify: { params: v.object({ text: v.string(), error: v.boolean() }), result: nothing },
  close: { params: nothing, result: nothing },
} as const;

/** What the sandbox tells unasked. */
export const EVENTS = {
  /** The selection or the page changed. Quick successions come as one. */
  selection,
  /** The plugin was asked for again while it is open. */
  command,
} as const;

export type Call = keyof typeof REQUESTS;
export type Params<C extends Call> = v.InferOutput<(typeof REQUESTS)[C]['params']>;
export type Result<C extends Call> = v.InferOutput<(typeof REQUESTS)[C]['result']>;
export type EventName = keyof typeof EVENTS;
export type Detail<E extends EventName> = v.InferOutput<(typeof EVENTS)[E]>;

/** Errors keep their names across: what the panel can do about each differs. */
export type ErrorName = 'InputError' | 'NodeGoneError' | 'QuotaError' | 'Error';

export type ToSandbox = { [C in Call]: { type: 'request'; id: number; call: C; params: Params<C> } }[Call];

export type ToPanel =
  | { type: 'reply'; id: number; ok: true; result: unknown }
  | { type: 'reply'; id: number; ok: false; error: { name: ErrorName; message: string } }
  | { [E in EventName]: { type: 'event'; event: E; detail: Detail<E> } }[EventName];

const request = v.object({
  type: v.literal('request'),
  id: count,
  call: v.picklist(Object.keys(REQUESTS) as Call[]),
  params: v.unknown(),
});

const toPanel = v.variant('type', [
  v.object({
    type: v.literal('reply'),
    id: count,
    ok: v.literal(true),
    result: v.unknown(),
  }),
  v.object({
    type: v.literal('reply'),
    id: count,
    ok: v.literal(false),
    error: v.object({
      name: v.picklist(['InputError', 'NodeGoneError', 'QuotaError', 'Error']),
      message: v.string(),
    }),
  }),
  v.object({
    type: v.literal('event'),
    event: v.picklist(Object.keys(EVENTS) as EventName[]),
    detail: v.unknown(),
  }),
]);

/** A request as it arrived; throws a valibot ValiError when it is none. */
export function readRequest(message: unknown): ToSandbox {
  const { call, params, ...rest } = v.parse(request, message);
  return { ...rest, call, params: v.parse(REQUESTS[call].params as v.GenericSchema, params) } as ToSandbox;
}

/** A message to the panel as it arrived, its result still unchecked; throws a ValiError when it is none. */
export function readToPanel(message: unknown): ToPanel {
  const read = v.parse(toPanel, message);
  if (read.type !== 'event') return read;
  return { ...read, detail: v.parse(EVENTS[read.event] as v.GenericSchema, read.detail) } as ToPanel;
}

/** The result of a call; throws a ValiError when it is not one. */
export function readResult<C extends Call>(call: C, result: unknown): Result<C> {
  return v.parse(REQUESTS[call].result as v.GenericSchema, result) as Result<C>;
}

export type PanelKind = v.InferOutput<typeof panelKind>;
export type ResultParameters = v.InferOutput<typeof resultParameters>;
export type NodeSummary = v.InferOutput<typeof node>;
export type Selection = v.InferOutput<typeof selection>;
export type StyleEntry = v.InferOutput<typeof styleEntry>;
export type ListedStyle = v.InferOutput<typeof listedStyle>;
export type StylePlace = v.InferOutput<typeof place>;
export type ChosenStyle = v.InferOutput<typeof chosenStyle>;
export type Recipe = v.InferOutput<typeof recipe>;
export type FrameFilter = v.InferOutput<typeof frameFilter>;
export type Draft = v.InferOutput<typeof draft>;
export type Settings = v.InferOutput<typeof settings>;
export type Storage = v.InferOutput<typeof storage>;
export type Command = v.InferOutput<typeof command>;
export type ExportSize = v.InferOutput<typeof exportSize>;
