import { gzipSync } from 'node:zlib';
import type { Random } from '../support/random.js';
import { requestBytes } from './raw-http.js';
import { PUBLIC_URL, type SignedExample, saysTheSame } from './signed-requests.js';

/** A request as it goes over the wire. */
export interface Wire {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** How the end of the body is said. Default: by its length. */
  readonly framing?: 'length' | 'chunked' | 'own';
  /** Headers behind a chunked body. */
  readonly trailers?: readonly (readonly [name: string, value: string])[];
  /** The sender closes the connection behind it. */
  readonly last?: boolean;
}

export function wireOf({ request, source, signsUrl }: SignedExample): Wire {
  return {
    method: request.method,
    target: signsUrl === true ? request.url.slice(PUBLIC_URL.length) : `/webhooks/${source.key}`,
    headers: Object.entries(request.headers),
    body: request.body,
  };
}

export function bytesOfWire({
  method,
  target,
  headers,
  body,
  framing = 'length',
  trailers = [],
}: Wire): Buffer {
  const line = `${method} ${target} HTTP/1.1`;
  const all = [['Host', '127.0.0.1'] as const, ...headers];
  if (framing === 'own') return requestBytes(line, all, body);
  if (framing === 'length')
    return requestBytes(line, [...all, ['Content-Length', String(body.length)]], body);
  const half = body.length >> 1;
  const chunks = [body.subarray(0, half), body.subarray(half)].filter(({ length }) => length > 0);
  const end = ['0', ...trailers.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
  const parts = chunks.flatMap((chunk) => [
    Buffer.from(`${chunk.length.toString(16)}\r\n`),
    chunk,
    Buffer.from('\r\n'),
  ]);
  return requestBytes(
    line,
    [...all, ['Transfer-Encoding', 'chunked']],
    Buffer.concat([...parts, Buffer.from(end, 'latin1')]),
  );
}

export interface Stage {
  readonly random: Random;
  readonly example: SignedExample;
  /** The names of all sources. */
  readonly keys: readonly string[];
  /** The same request, signed so many seconds before or after now. */
  readonly signedAt: (shiftSeconds: number) => SignedExample;
}

/** Changes what is signed. Undefined where it does not apply, or where it happened to change nothing. */
type Mutation = (wire: Wire, stage: Stage) => Wire | undefined;

const pick = <T>(list: readonly T[], random: Random): T => list[random.int(list.length)] as T;

/** The headers whose values are signed, or are the signature. */
const signedHeaders = ({ headers, name }: SignedExample) =>
  name === 'basic authentication' ? ['authorization'] : headers;

const headerOf = (wire: Wire, name: string) => wire.headers.find(([its]) => its === name)?.[1] ?? '';

function withHeader(wire: Wire, name: string, value: string): Wire | undefined {
  if (saysTheSame(name, value.trim(), headerOf(wire, name))) return undefined;
  return { ...wire, headers: wire.headers.map(([its, old]) => [its, its === name ? value : old] as const) };
}

/** Headers that may hold several signatures. */
const LISTS = [
  'x-hub-signature-256',
  'webhook-signature',
  'x-shopify-hmac-sha256',
  'x-slack-signature',
  'x-hubspot-signature-v3',
  'x-sign',
];

/** Mutates the value of a signed header. How `Basic` is written means nothing, so it stays. */
const ofHeader =
  (mutate: (value: string, random: Random) => string): Mutation =>
  (wire, { example, random }) => {
    const name = pick(signedHeaders(example), random);
    const value = headerOf(wire, name);
    const fixed = name === 'authorization' ? 'Basic '.length : 0;
    return withHeader(wire, name, value.slice(0, fixed) + mutate(value.slice(fixed), random));
  };

/** Mutates a body that is signed. Two forms with equal fields are the same to Twilio. */
const ofBody =
  (mutate: (body: Buffer, random: Random) => Buffer): Mutation =>
  (wire, { example, random }) => {
    if (!example.signsBody) return undefined;
    const body = mutate(wire.body, random);
    return body.equals(wire.body) || isSameForm(wire, body) ? undefined : { ...wire, body };
  };

function isSameForm(wire: Wire, body: Buffer): boolean {
  if (!headerOf(wire, 'content-type').startsWith('application/x-www-form')) return false;
  const fields = (bytes: Buffer) =>
    [...new URLSearchParams(bytes.toString())].sort().map((pair) => pair.join(''));
  return fields(body).join('') === fields(wire.body).join('');
}

function flipped(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const at = random.int(bytes.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << random.int(8));
  return copy;
}

const inTheMiddle = (text: string, what: string, random: Random) => {
  const at = 1 + random.int(Math.max(1, text.length - 1));
  return text.slice(0, at) + what + text.slice(at);
};

const HEADERS: readonly Mutation[] = [
  ofHeader((value, random) => flipped(Buffer.from(value, 'latin1'), random).toString('latin1')),
  ofHeader((value, random) => flipped(Buffer.from(value, 'latin1'), random).toString('latin1')),
  ofHeader((value, random) => value.slice(0, random.int(value.length))),
  ofHeader((value, random) => value.slice(1 + random.int(value.length))),
  ofHeader((value) => value + value),
  ofHeader((value) => value.toUpperCase()),
  ofHeader((value) => encodeURIComponent(`${value} `)),
  ofHeader((value) => Buffer.from(value).toString('base64')),
  ofHeader((value, random) =>
    inTheMiddle(value, pick(['\t', '\u00e9', '\u00ff', '\0', '\x7f', '\x1b', '\r', '\n'], random), random),
  ),
  ofHeader((value, random) => inTheMiddle(value, 'x'.repeat(pick([200, 8_000, 20_000], random)), random)),
  // Left out, renamed, given twice, or behind the body.
  (wire, { example, random }) => {
    const name = pick(signedHeaders(example), random);
    return { ...wire, headers: wire.headers.filter(([its]) => its !== name) };
  },
  (wire, { example, random }) => {
    const name = pick(signedHeaders(example), random);
    const other = pick(
      [`x-${name}`, name.replaceAll('-', '_'), `${name} `, name.slice(1), `\u00e9${name}`],
      random,
    );
    return name === other
      ? undefined
      : {
          ...wire,
          headers: wire.headers.map(([its, value]) => [its === name ? other : its, value] as const),
        };
  },
  (wire, { example, random }) => {
    const name = pick(signedHeaders(example), random);
    // Of several signatures in a list one has to fit, and Node joins equal headers to a list.
    if (LISTS.includes(name)) return undefined;
    // Of this header Node takes the first one alone.
    const value = name === 'authorization' ? 'Basic eDp5' : headerOf(wire, name);
    return { ...wire, headers: [[name, value] as const, ...wire.headers] };
  },
  (wire, { example, random }) => {
    const name = pick(signedHeaders(example), random);
    const isMoved = ([its]: readonly [string, string]) => its === name;
    return {
      ...wire,
      framing: 'chunked',
      headers: wire.headers.filter((header) => !isMoved(header)),
      trailers: wire.headers.filter(isMoved),
    };
  },
];

const BODIES: readonly Mutation[] = [
  ofBody(flipped),
  ofBody(flipped),
  ofBody((body, random) => body.subarray(0, random.int(body.length))),
  ofBody((body, random) => body.subarray(1 + random.int(body.length))),
  ofBody((body) => Buffer.concat([body, body])),
  ofBody((body, random) => Buffer.concat([body, Buffer.from(pick([' ', '\n', '\0', '\r\n'], random))])),
  ofBody((body) => Buffer.concat([Buffer.from('\ufeff'), body])),
  ofBody((body) => Buffer.from(body.toString(), 'utf16le')),
  ofBody((body) => Buffer.from(body.toString('latin1').toUpperCase(), 'latin1')),
  ofBody((body) => Buffer.from(body.toString('base64'))),
  // What is signed are the bytes as they are sent, so a proxy that compresses breaks the signature.
  (wire, stage) => {
    const changed = ofBody((body) => gzipSync(body))(wire, stage);
    return changed && { ...changed, headers: [...changed.headers, ['content-encoding', 'gzip']] };
  },
];

const TARGETS: readonly Mutation[] = [
  (wire, { random }) => ({
    ...wire,
    method: pick(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'post', 'POSTS'], random),
  }),
  (wire, { example, random, keys }) => {
    const { key } = example.source;
    const others = keys.filter((other) => other !== key).map((other) => `/webhooks/${other}`);
    const bad = [
      '',
      '/',
      `/${key}/x`,
      `/${key}%00`,
      `/${key}%ff`,
      '/%ff',
      `/${key}x`,
      '/__proto__',
      '/..',
      `/x/../${key}`,
    ];
    return {
      ...wire,
      target: pick(
        [...others, ...bad.map((path) => `/webhooks${path}`), `/api/webhooks/${key}`, '*'],
        random,
      ),
    };
  },
  (wire, { example, random }) => {
    if (example.signsUrl !== true) return undefined;
    const more = pick(['a=1', 'bodySHA256=', '%', '&'], random);
    return { ...wire, target: `${wire.target}${wire.target.includes('?') ? '&' : '?'}${more}` };
  },
];

/** The same resource in other writings. They change nothing by themselves, so something else is changed too. */
const WRITINGS: readonly ((target: string, key: string) => string)[] = [
  (target) => `http://127.0.0.1${target}`,
  (target, key) => target.replace(key, `%${key.charCodeAt(0).toString(16)}${key.slice(1)}`),
  (target) => target.replace('/webhooks', '/WebHooks'),
  (target) => `${target}#fragment`,
  (target) => (target.includes('?') ? `${target}&x` : `${target}/`),
];

/** The same request, with headers of its own about its length. */
const framedBy =
  (headers: (length: number, random: Random) => readonly (readonly [string, string])[]): Mutation =>
  (wire, { random }) => ({
    ...wire,
    framing: 'own',
    last: true,
    headers: [...wire.headers, ...headers(wire.body.length, random)],
  });

const lengthOf = (of: (length: number, random: Random) => readonly string[]): Mutation =>
  framedBy((length, random) => of(length, random).map((value) => ['Content-Length', value] as const));

const FRAMINGS: readonly Mutation[] = [
  lengthOf((length, random) => [String(length + 1 + random.int(1_000))]),
  lengthOf((length) => [String(length), String(length + 1)]),
  lengthOf((length, random) => [
    pick([`-${length}`, 'abc', `${length}x`, `0x${length}`, '99999999999999999999'], random),
  ]),
  // Only a part of the body is said to be the body.
  (wire, stage) =>
    stage.example.signsBody
      ? lengthOf((length, random) => [String(random.int(length))])(wire, stage)
      : undefined,
  framedBy((length, random) => [
    ['Content-Length', String(length)],
    ['Transfer-Encoding', pick(['chunked', 'gzip', 'identity, chunked', 'xchunked'], random)],
  ]),
];

const TIMES: readonly Mutation[] = [
  (_, { example, random, signedAt }) => {
    if (!example.source.verify.every(({ signsTime }) => signsTime)) return undefined;
    const seconds = 330 + random.int(1_000_000);
    return wireOf(signedAt(random.chance(0.5) ? seconds : -seconds));
  },
];

const KINDS = { HEADERS, BODIES, TARGETS, FRAMINGS, TIMES } as const;
const WEIGHED = [
  'HEADERS',
  'HEADERS',
  'HEADERS',
  'BODIES',
  'BODIES',
  'BODIES',
  'TARGETS',
  'FRAMINGS',
  'TIMES',
] as const;

/** A request that is not the signed one, in something that is signed. */
export function mutated(stage: Stage): { readonly wire: Wire; readonly kind: string } {
  const { random, example } = stage;
  for (;;) {
    const name = pick(WEIGHED, random);
    const place = random.int(KINDS[name].length);
    const wire = KINDS[name][place]?.(wireOf(example), stage);
    if (wire === undefined) continue;
    return { wire: dressed(wire, stage, name), kind: `${name} ${place}` };
  }
}

/** Some mutations also come chunked, in another writing of the path, or with headers that mean nothing here. */
function dressed(wire: Wire, { random, example }: Stage, kind: keyof typeof KINDS): Wire {
  const framing = wire.framing ?? (random.chance(0.1) ? 'chunked' : 'length');
  const isElsewhere = kind === 'TARGETS' || !random.chance(0.15);
  const target = isElsewhere ? wire.target : pick(WRITINGS, random)(wire.target, example.source.key);
  const more: [string, string][] = random.chance(0.1)
    ? [
        pick(
          [
            ['Expect', '100-continue'],
            ['Expect', 'x'],
            ['Upgrade', 'h2c'],
            ['X-HTTP-Method-Override', 'POST'],
            ['Content-Language', '\u00ff'],
          ] as [string, string][],
          random,
        ),
      ]
    : [];
  return { ...wire, framing, target, headers: [...wire.headers, ...more] };
}
