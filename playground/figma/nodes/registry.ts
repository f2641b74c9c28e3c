/** From the data of a node to the object a plugin gets. */
import type { BaseNode } from '@figma/plugin-typings/plugin-api-standalone';
import type { Kind, NodeData } from '../node-data';
import type { Run } from '../run';
import type { NodeObject } from './base';
import {
  BooleanOperationObject,
  DocumentObject,
  FrameObject,
  GroupObject,
  InstanceObject,
  PageObject,
  SectionNodeObject,
  ShapeObject,
  TextObject,
  VectorObject,
} from './kinds';

const CLASSES: Readonly<Record<Kind, new (run: Run, id: string, type: Kind) => NodeObject>> = {
  DOCUMENT: DocumentObject,
  PAGE: PageObject,
  FRAME: FrameObject,
  GROUP: GroupObject,
  SECTION: SectionNodeObject,
  COMPONENT: FrameObject,
  COMPONENT_SET: FrameObject,
  INSTANCE: InstanceObject,
  BOOLEAN_OPERATION: BooleanOperationObject,
  RECTANGLE: ShapeObject,
  ELLIPSE: ShapeObject,
  VECTOR: VectorObject,
  TEXT: TextObject,
};

/** The classes implement the parts of the API that the plugin uses; this is where they pass for the whole. */
export function wrapNode(run: Run, { id, kind }: NodeData): BaseNode {
  return new CLASSES[kind](run, id, kind) as unknown as BaseNode;
}
