/** A document that is open: its tree, its images, its steps of undo. */
import { History } from './history';
import { ImageStore } from './image-store';
import type { NodeData } from './node-data';
import { Scene } from './scene';

export class FigmaFile {
  readonly scene = new Scene();
  readonly images = new ImageStore();
  readonly history = new History(this.scene);

  /** Frees the images that no node shows, now or in a step of undo. Every preview of a slider is an image. */
  sweepImages(): readonly string[] {
    const used = new Set<string>();
    // Steps share the nodes that did not change between them.
    const seen = new Set<NodeData>();
    for (const state of [this.scene.state(), ...this.history.states()]) {
      for (const node of state.values()) {
        if (seen.has(node)) continue;
        seen.add(node);
        for (const paint of node.fills) if (paint.type === 'IMAGE' && paint.imageHash) used.add(paint.imageHash);
      }
    }
    return this.images.keep(used);
  }
}
