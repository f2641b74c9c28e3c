/** What every node has: identity, name, place in the tree, the plugin's own data. */
import type {
  BaseNode,
  BaseNodeMixin,
  ChildrenMixin,
  PluginDataMixin,
} from '@figma/plugin-typings/plugin-api-standalone';
import { utf8Length } from '../message';
import type { Kind, NodeData } from '../node-data';
import type { Run } from '../run';

type Implemented = Pick<
  BaseNodeMixin,
  'id' | 'name' | 'parent' | 'removed' | 'remove' | 'toString' | 'setRelaunchData' | 'getRelaunchData'
> &
  Pick<PluginDataMixin, 'getPluginData' | 'setPluginData' | 'getPluginDataKeys'>;

/** Bytes of plugin id, key and value together. */
const LARGEST_ENTRY = 100_000;
const LONGEST_DESCRIPTION = 1000;

export class NodeObject implements Implemented {
  readonly #run: Run;

  constructor(
    run: Run,
    readonly id: string,
    readonly type: Kind,
  ) {
    this.#run = run;
  }

  /** For the mixins, which private names are out of reach of. */
  protected get run(): Run {
    return this.#run;
  }

  protected read(where: string): NodeData {
    return this.#run.read(this.id, where);
  }

  protected write(where: string, patch: Partial<NodeData>): void {
    this.#run.write(this.id, where, patch);
  }

  get removed(): boolean {
    return !this.#run.scene.find(this.id);
  }

  get name(): string {
    return this.read('get_name').name;
  }

  set name(name: string) {
    this.write('set_name', { name });
  }

  get parent(): (BaseNode & ChildrenMixin) | null {
    const { parent } = this.read('get_parent');
    return parent === null ? null : (this.#run.node(parent) as BaseNode & ChildrenMixin);
  }

  remove(): void {
    this.read('remove');
    this.#run.refuseWhileAsking('remove');
    if (this.#run.scene.isInInstance(this.id)) throw new Error('in remove: Removing this node is not allowed');
    this.#run.scene.remove(this.id);
  }

  toString(): string {
    return `[Node ${this.id}]`;
  }

  getPluginData(key: string): string {
    return this.read('getPluginData').pluginData[key] ?? '';
  }

  setPluginData(key: string, value: string): void {
    const { pluginData } = this.read('setPluginData');
    if (typeof value !== 'string') throw new Error('in setPluginData: Expected "value" to have type string');
    if (utf8Length(this.#run.editor.manifest.id) + utf8Length(key) + utf8Length(value) > LARGEST_ENTRY) {
      throw new Error('in setPluginData: the entry exceeds 100 kB');
    }
    const { [key]: _old, ...others } = pluginData;
    this.write('setPluginData', { pluginData: value === '' ? others : { ...others, [key]: value } });
  }

  getPluginDataKeys(): string[] {
    return Object.keys(this.read('getPluginDataKeys').pluginData);
  }

  getRelaunchData(): { [command: string]: string } {
    return { ...this.read('getRelaunchData').relaunchData };
  }

  setRelaunchData(data: { [command: string]: string }): void {
    for (const description of Object.values(data)) {
      if (description.length > LONGEST_DESCRIPTION) {
        throw new Error(`in setRelaunchData: a description is longer than ${LONGEST_DESCRIPTION} characters`);
      }
    }
    this.write('setRelaunchData', { relaunchData: { ...data } });
  }
}
