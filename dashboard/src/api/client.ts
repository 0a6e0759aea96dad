import { PageChanges } from './page-changes.ts';
import { ApiProblem, loggedOut, notAddressable, notUnderstood, unreachable } from './problem.ts';
import type { Problem, Routes } from './schemas.ts';

export type RouteName = keyof Routes;
export type Answer<N extends RouteName> = Routes[N]['answer'];

type Given<Name extends string, T> = keyof T extends never
  ? { readonly [K in Name]?: undefined }
  : Record<never, never> extends T
    ? { readonly [K in Name]?: T | undefined }
    : { readonly [K in Name]: T };

export type Args<N extends RouteName> = Given<'path', Routes[N]['path']> &
  Given<'query', Routes[N]['query']> &
  (Routes[N]['body'] extends undefined
    ? { readonly body?: undefined }
    : { readonly body: Routes[N]['body'] }) & {
    readonly signal?: AbortSignal | undefined;
    /** The ETag of what was read. */
    readonly ifMatch?: string | undefined;
  };

interface AnyArgs {
  readonly path?: Readonly<Record<string, string | number>> | undefined;
  readonly query?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly ifMatch?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

const TOKEN = 'nestjs-integration.token';

/** The path of the API: the page stands beside its routes. */
const BASE = new URL('.', location.href.split('#', 1)[0]);

const listeners = new Set<() => void>();

/** Tells when an answer says that nobody is logged in. */
export function onLoggedOut(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A bearer token, for applications that know people by one. It is kept until the tab is closed. */
export function keepToken(token: string): void {
  if (token === '') sessionStorage.removeItem(TOKEN);
  else sessionStorage.setItem(TOKEN, token);
}

export async function call<N extends RouteName>(name: N, args: Args<N>): Promise<Answer<N>> {
  return (await callForText(name, args)).json as Answer<N>;
}

/** Like `call`, with the text of the answer, where numbers have every digit, and its ETag. */
export async function callForText<N extends RouteName>(
  name: N,
  args: Args<N>,
): Promise<{ json: unknown; text: string; etag: string | undefined }> {
  const given = args as AnyArgs;
  // A page that is open reads it every five seconds.
  const changes = name === 'GET consumers' ? PageChanges.at(addressOf(name, args).href) : undefined;
  const response = await send(name, { ...given, headers: changes?.headers });
  const text = await response.text().catch(() => {
    throw unreachable();
  });
  const read = jsonOf(text);
  const etag = response.headers.get('etag') ?? undefined;
  const json = changes === undefined ? (response.ok ? read : undefined) : changes.pageOf(response, read);
  if (json === undefined) throw problemOf(response.status, read);
  return { json, text: json === read ? text : JSON.stringify(json), etag };
}

/** Opens the stream of server-sent events. */
export async function openStream(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const response = await send('GET stream', { signal });
  if (response.ok && response.body !== null) return response.body;
  throw problemOf(response.status, jsonOf(await response.text()));
}

async function send(name: RouteName, args: AnyArgs): Promise<Response> {
  const [method = 'GET', template = ''] = name.split(' ');
  const url = urlOf(template, args);
  const token = sessionStorage.getItem(TOKEN);
  const headers: Record<string, string> = {
    Accept: 'application/json, application/problem+json, text/event-stream',
    ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
    ...(method === 'GET' ? {} : { 'Content-Type': 'application/json', 'X-Integration-Admin': 'dashboard' }),
    ...(method === 'POST' ? { 'Idempotency-Key': randomId() } : {}),
    ...(args.ifMatch === undefined ? {} : { 'If-Match': args.ifMatch }),
    ...args.headers,
  };
  const init: RequestInit = {
    method,
    headers,
    cache: 'no-store',
    credentials: 'same-origin',
    // An application may redirect a person who is not logged in to its own login page.
    redirect: 'manual',
    ...(args.body === undefined ? {} : { body: JSON.stringify(args.body) }),
    ...(args.signal === undefined ? {} : { signal: args.signal }),
  };
  const response = await fetchTwice(url, init, method === 'POST');
  if (response.type === 'opaqueredirect' || response.status === 401) {
    for (const listener of listeners) listener();
    if (response.type === 'opaqueredirect') throw loggedOut();
  }
  return response;
}

/** A POST that got no answer is sent once more. Its key makes sure that what it does is done once. */
async function fetchTwice(url: URL, init: RequestInit, mayRepeat: boolean): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    if (!mayRepeat) throw unreachable();
  }
  return fetch(url, init).catch(() => {
    throw unreachable();
  });
}

/** The address that a call goes to. */
export function addressOf<N extends RouteName>(name: N, args: Args<N>): URL {
  return urlOf(name.split(' ')[1] ?? '', args as AnyArgs);
}

function urlOf(template: string, { path = {}, query = {} }: AnyArgs): URL {
  const filled = template.replace(/\{(\w+)\}/g, (_, field: string) => segmentOf(path[field]));
  const url = new URL(`./${filled}`, BASE);
  for (const [field, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') url.searchParams.set(field, String(value));
  }
  return url;
}

/**
 * A name as one part of a path. A browser takes the parts `.` and `..` out of a path, also where they are
 * percent-encoded. The request would go to another address with the credentials of the person, also to one
 * outside of this API. So such a name is not asked for at all.
 */
function segmentOf(name: string | number | undefined): string {
  const text = String(name ?? '');
  if (text === '' || text === '.' || text === '..') throw notAddressable(text);
  return encodeURIComponent(text);
}

/** `crypto.randomUUID` is not there on plain http. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, '0')).join('');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function problemOf(status: number, json: unknown): ApiProblem {
  const isProblem = typeof json === 'object' && json !== null && 'code' in json && 'detail' in json;
  if (isProblem) return new ApiProblem(json as Problem);
  return status === 401 ? loggedOut() : notUnderstood(status);
}
