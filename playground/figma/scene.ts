/** The document: a tree of immutable nodes. Every change goes through here, keeps the layout right, and is told of. */
import type { Rect, Transform } from '@figma/plugin-typings/plugin-api-standalone';
import { arrange } from './layout';
import { fitsItsContent, newNode, type Kind, type NodeData } from './node-data';
import { boundsUnder, IDENTITY, invert, multiply } from './transform';

/** The whole document at one moment. */
export type SceneState = ReadonlyMap<string, NodeData>;

/** What became of a node: made (no `before`), changed, or removed (no `after`). */
export interface NodeChange {
  readonly before: NodeData | undefined;
  readonly after: NodeData | undefined;
}

export type SceneListener = (changes: ReadonlyMap<string, NodeChange>) => void;

export const ROOT = '0:0';

export class Scene {
  #nodes = new Map<string, NodeData>([[ROOT, newNode(ROOT, 'DOCUMENT')]]);
  #lastId = 0;
  #version = 0;
  /** What nodes were before the changes nobody was told of yet. */
  #untold = new Map<string, NodeData | undefined>();
  readonly #listeners = new Set<SceneListener>();

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  find(id: string): NodeData | undefined {
    return this.#nodes.get(id);
  }

  /** Throws as Figma does when the node is gone. */
  get(id: string): NodeData {
    const node = this.#nodes.get(id);
    if (!node) throw new Error(`The node with id "${id}" does not exist`);
    return node;
  }

  newId(): string {
    return `1:${++this.#lastId}`;
  }

  /** Makes a node of a kind in front of what is in `parent`, or at an index. */
  create(kind: Kind, parent: string, patch: Partial<NodeData> = {}, index?: number): NodeData {
    const id = patch.id ?? this.newId();
    this.#set({ ...newNode(id, kind), ...patch, id, kind, parent: null });
    this.move(id, parent, index);
    return this.get(id);
  }

  patch(id: string, patch: Partial<NodeData>): void {
    const node = this.get(id);
    const moved = patch.transform !== undefined && fitsItsContent(node);
    const { transform } = node;
    this.#set({ ...node, ...patch });
    if (moved) this.#carryContent(id, multiply(patch.transform!, invert(transform)));
    this.#settle(id);
  }

  /** Gives a node another parent or another place among its siblings. Its transform is kept as it is. */
  move(id: string, parent: string, index?: number): void {
    const from = this.get(id).parent;
    if (from !== null) {
      const old = this.get(from);
      this.#set({ ...old, children: old.children.filter((child) => child !== id) });
    }
    const into = this.get(parent);
    const at = index ?? into.children.length;
    this.#set({ ...into, children: [...into.children.slice(0, at), id, ...into.children.slice(at)] });
    // What a node is in its old parent's layout says nothing of the new one's.
    const node = this.get(id);
    const moved = from !== null && from !== parent;
    this.#set({ ...node, parent, layoutPositioning: moved ? 'AUTO' : node.layoutPositioning });
    if (moved) this.#settle(from);
    this.#settle(parent);
  }

  /** Removes a node and everything in it. */
  remove(id: string): void {
    const { parent, children } = this.get(id);
    for (const child of children) this.#drop(child);
    this.#note(id);
    this.#nodes.delete(id);
    if (parent === null) return;
    const old = this.get(parent);
    this.#set({ ...old, children: old.children.filter((child) => child !== id) });
    this.#settle(parent);
  }

  state(): SceneState {
    return new Map(this.#nodes);
  }

  restore(state: SceneState): void {
    for (const id of new Set([...this.#nodes.keys(), ...state.keys()])) {
      if (this.#nodes.get(id) !== state.get(id)) this.#note(id);
    }
    this.#nodes = new Map(state);
  }

  /** Tells of changes once the code that makes them has ended. Returns how to stop. */
  subscribe(listener: SceneListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** From the parent up to the document. */
  *ancestors(id: string): Generator<NodeData> {
    for (let { parent } = this.get(id); parent !== null;) {
      const node = this.get(parent);
      yield node;
      parent = node.parent;
    }
  }

  /** Everything in a node, parents before their children, from back to front. */
  *descendants(id: string): Generator<NodeData> {
    for (const child of this.get(id).children) {
      yield this.get(child);
      yield* this.descendants(child);
    }
  }

  pageOf(id: string): NodeData | undefined {
    const node = this.get(id);
    if (node.kind === 'PAGE') return node;
    for (const ancestor of this.ancestors(id)) if (ancestor.kind === 'PAGE') return ancestor;
    return undefined;
  }

  absoluteTransform(id: string): Transform {
    return multiply(this.containerTransform(id), this.get(id).transform);
  }

  /** From the coordinates that a node is placed in to those of its page. */
  containerTransform(id: string): Transform {
    for (const ancestor of this.ancestors(id)) {
      if (!fitsItsContent(ancestor)) return this.absoluteTransform(ancestor.id);
    }
    return IDENTITY;
  }

  /** The upright rectangle around a node on its page, px. */
  bounds(id: string): Rect {
    const { width, height } = this.get(id);
    return boundsUnder(this.absoluteTransform(id), width, height);
  }

  /** Whether neither the node nor what it is in is hidden. */
  isShown(id: string): boolean {
    if (!this.get(id).visible) return false;
    for (const { visible } of this.ancestors(id)) if (!visible) return false;
    return true;
  }

  isInInstance(id: string): boolean {
    for (const { kind } of this.ancestors(id)) if (kind === 'INSTANCE') return true;
    return false;
  }

  #set(node: NodeData): void {
    this.#note(node.id);
    this.#nodes.set(node.id, node);
  }

  #drop(id: string): void {
    for (const child of this.get(id).children) this.#drop(child);
    this.#note(id);
    this.#nodes.delete(id);
  }

  /** What a group holds lies in the group's container and moves when the group does. */
  #carryContent(id: string, by: Transform): void {
    for (const child of this.get(id).children) {
      const node = this.get(child);
      this.#set({ ...node, transform: multiply(by, node.transform) });
      if (fitsItsContent(node)) this.#carryContent(child, by);
    }
  }

  /** Arranges a node and what it is in after a change; a group without content goes. */
  #settle(id: string): void {
    for (let at: string | null = id; at !== null;) {
      const node: NodeData = this.get(at);
      if (fitsItsContent(node) && node.children.length === 0 && node.parent !== null) {
        this.remove(at);
        return;
      }
      for (const changed of arrange(node, (child) => this.get(child))) this.#set(changed);
      at = node.parent;
    }
  }

  #note(id: string): void {
    this.#version++;
    if (this.#untold.size === 0) void Promise.resolve().then(() => this.#tell());
    if (!this.#untold.has(id)) this.#untold.set(id, this.#nodes.get(id));
  }

  #tell(): void {
    const changes = new Map<string, NodeChange>();
    for (const [id, before] of this.#untold) changes.set(id, { before, after: this.#nodes.get(id) });
    this.#untold.clear();
    for (const listener of [...this.#listeners]) listener(changes);
  }
}
