/** What the fake of Figma needs from where it runs: something that draws, and a place for the plugin's window. */
import type { NotificationOptions, Rect } from '@figma/plugin-typings/plugin-api-standalone';
import type { ImageStore } from './image-store';
import type { Scene } from './scene';

export interface DrawRequest {
  readonly scene: Scene;
  readonly images: ImageStore;
  /** The node to draw, with what is in it and nothing else. */
  readonly id: string;
  /** The part of the page that the picture shows. */
  readonly region: Rect;
  /** Size of the picture, px. */
  readonly width: number;
  readonly height: number;
}

export interface Renderer {
  /** Returns a PNG. */
  draw(request: DrawRequest): Promise<Uint8Array>;
}

export interface UiOptions {
  readonly html: string;
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly visible: boolean;
  /** Whether the document gets Figma's colours as CSS variables. */
  readonly themeColors: boolean;
}

/** The plugin's window as the sandbox side holds it. */
export interface UiWindow {
  /** @param message what the page in the window receives as `event.data`. */
  post(message: { readonly pluginMessage: unknown; readonly pluginId: string }, origin: string): void;
  resize(width: number, height: number): void;
  setVisible(visible: boolean): void;
  close(): void;
}

export interface Host {
  readonly renderer: Renderer;
  /** @param receive takes `event.data` and `event.origin` of what the page in the window posts to its parent. */
  openUi(options: UiOptions, receive: (data: unknown, origin: string) => void): UiWindow;
  /** Shows a line of at most 100 characters. Returns how to take it away. */
  notify(message: string, options: NotificationOptions): () => void;
  /** A plugin's handler threw, or returned a promise that was rejected. */
  report(error: unknown): void;
}

/** What the fake reads of manifest.json. */
export interface Manifest {
  readonly id: string;
  readonly name: string;
  readonly relaunchButtons?: readonly {
    readonly command: string;
    readonly name: string;
    readonly multipleSelection?: boolean;
  }[];
}
