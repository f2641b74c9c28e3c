/** A small Hugging Face Hub on loopback: one repository, ranges, and a log of what was asked. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TestHub {
  readonly endpoint: string;
  /** "GET /path" or "GET /path bytes=0-9" of every request. */
  readonly asked: string[];
  readonly files: Map<string, Buffer>;
  commit: string;
  /** Cuts every answer that would go past this byte of a file, for this many times. */
  cut: { readonly path: string; readonly at: number; times: number } | undefined;
  /** What the files' bytes become on the way. */
  tamper: ((path: string, bytes: Buffer) => Buffer) | undefined;
  close(): Promise<void>;
}

const LARGE = 1000;

/** Files over 1000 bytes are in LFS, as the hub calls it, with their SHA-256 known. */
export async function startHub(files: Record<string, Buffer>): Promise<TestHub> {
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url!, 'http://x');
    const { range } = request.headers;
    hub.asked.push([request.method, pathname + search, range].filter(Boolean).join(' '));
    if (pathname === '/api/models/org/model/revision/main') {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ id: 'org/model', sha: hub.commit, siblings: [...hub.files].map(sibling) }));
      return;
    }
    const prefix = `/org/model/resolve/${hub.commit}/`;
    const path = decodeURIComponent(pathname.slice(prefix.length));
    const found = pathname.startsWith(prefix) && hub.files.get(path);
    if (!found) return void response.writeHead(404).end();
    const whole = hub.tamper?.(path, found) ?? found;
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '')!.map(Number) as [number, number, number];
    const end = Math.min(last, whole.length - 1);
    const body = whole.subarray(first, end + 1);
    response.writeHead(206, {
      'Content-Range': `bytes ${first}-${end}/${whole.length}`,
      'Content-Length': body.length,
    });
    const { cut } = hub;
    if (cut && cut.path === path && end >= cut.at && cut.times > 0) {
      cut.times--;
      response.write(body.subarray(0, Math.max(0, cut.at - first)), () => response.destroy());
    } else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hub: TestHub = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    files: new Map(Object.entries(files)),
    commit: 'a'.repeat(40),
    cut: undefined,
    tamper: undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return hub;
}

function sibling([rfilename, bytes]: [string, Buffer]): object {
  const blobId = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const lfs = { size: bytes.length, sha256, pointerSize: 135 };
  return { rfilename, size: bytes.length, blobId, ...(bytes.length > LARGE && { lfs }) };
}
