import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';

/** The files of the page, with their types. */
const types: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'admin.html': 'text/html; charset=utf-8',
  'admin.js': 'text/javascript; charset=utf-8',
  'admin.css': 'text/css; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};

/** The content codings of the files, the best first, and the endings of their names. */
const codings = [
  { coding: 'br', ending: '.br' },
  { coding: 'gzip', ending: '.gz' },
] as const;

interface Asset {
  readonly content: Buffer;
  readonly etag: string;
}

const assets = new Map<string, Promise<Asset | undefined>>();

/** A response that is a file of the page. */
export interface AssetResponse {
  /** 304 if the browser has the file already. */
  readonly status: 200 | 304;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
}

/**
 * Finds a file of the page, compressed if the browser accepts that. Files are read at their first request.
 *
 * @returns `undefined` if there is no such file, or the page was not built
 */
export async function findAsset(
  name: string,
  { headers: sent }: Pick<IncomingMessage, 'headers'>,
): Promise<AssetResponse | undefined> {
  const type = Object.hasOwn(types, name) ? types[name] : undefined;
  if (type === undefined) return undefined;
  const accepted = String(sent['accept-encoding'] ?? '');
  const chosen = codings.find(({ coding }) =>
    new RegExp(`\\b${coding}\\b(?!\\s*;\\s*q=0(?:\\.0*)?\\s*(?:,|$))`).test(accepted),
  );
  const asset = await load(`${name}${chosen?.ending ?? ''}`);
  if (asset === undefined) return undefined;
  const headers = {
    'Content-Type': type,
    'Cache-Control': 'no-cache',
    ETag: asset.etag,
    Vary: name.endsWith('.html') ? 'Accept, Accept-Encoding' : 'Accept-Encoding',
    ...(chosen !== undefined && { 'Content-Encoding': chosen.coding }),
  };
  if (sent['if-none-match']?.includes(asset.etag) === true) return { status: 304, headers, body: '' };
  return { status: 200, headers, body: asset.content };
}

function load(file: string): Promise<Asset | undefined> {
  let asset = assets.get(file);
  if (asset === undefined) {
    asset = readAsset(file);
    assets.set(file, asset);
  }
  return asset;
}

async function readAsset(file: string): Promise<Asset | undefined> {
  try {
    const content = await readFile(new URL(`assets/${file}`, import.meta.url));
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
    return { content, etag };
  } catch {
    return undefined;
  }
}
