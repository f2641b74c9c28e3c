/** One run of the plugin, from a command to its end: what the objects of the API have in common. */
import type { BaseNode } from '@figma/plugin-typings/plugin-api-standalone';
import type { Editor } from './editor';
import { Events } from './events';
import type { Scene } from './scene';
import type { NodeData } from './node-data';

/** Makes the object the plugin gets for a node. */
export type WrapNode = (run: Run, node: NodeData) => BaseNode;

export class Run {
  readonly events: Events;
  /** Pages whose content the plugin may read. */
  readonly loadedPages: Set<string>;
  closed = false;
  /** Parameters are still being asked for; the document may be read only, and there is no window. */
  asking = false;

  readonly #wrapNode: WrapNode;

  /** @param wrapNode nodes/registry.ts, whose objects need a run. */
  constructor(
    readonly editor: Editor,
    wrapNode: WrapNode,
  ) {
    this.#wrapNode = wrapNode;
    this.events = new Events((error) => editor.host.report(error));
    this.loadedPages = new Set([editor.pageId]);
  }

  get scene(): Scene {
    return this.editor.file.scene;
  }

  /** The object the plugin gets for a node; a new one each time, so that nobody compares objects in place of ids. */
  node(id: string): BaseNode {
    return this.#wrapNode(this, this.scene.get(id));
  }

  /** Reads a node. Throws as Figma does when it is gone. */
  read(id: string, where: string): NodeData {
    const node = this.scene.find(id);
    if (node) return node;
    const kind = id.startsWith('I') ? 'node (instance sublayer or table cell)' : 'node';
    throw new Error(`in ${where}: The ${kind} with id "${id}" does not exist`);
  }

  /** Changes a node. */
  write(id: string, where: string, patch: Partial<NodeData>): void {
    this.read(id, where);
    this.refuseWhileAsking(where);
    this.scene.patch(id, patch);
  }

  refuseWhileAsking(where: string): void {
    if (this.asking) throw new Error(`in ${where}: not allowed while the plugin asks for parameters`);
  }

  /** Throws when the content of a page was not loaded. */
  requireLoaded(node: NodeData, where: string): void {
    if (node.kind === 'PAGE' && !this.loadedPages.has(node.id)) {
      throw new Error(
        `in ${where}: Cannot access children on a page that has not been explicitly loaded. Call page.loadAsync() first.`,
      );
    }
  }

  /** What is asked for asynchronously; a plugin that was closed meanwhile hears no more of it. */
  async pending<T>(work: Promise<T>): Promise<T> {
    const never = new Promise<never>(() => {});
    try {
      const result = await work;
      return this.closed ? await never : result;
    } catch (error) {
      if (this.closed) return never;
      throw error;
    }
  }
}
