import type { SpecMutant } from './spec-mutants.js';

const TAKE = 'prisma/migrations/20261130110000_connector_gate/migration.sql';
const STORE = 'src/gate/gate.store.ts';
const LINE = 'src/gate/gate-line.ts';
const LIMIT = 'src/gate/gate-limit.ts';
const GATE = 'src/gate/gate.ts';
const CALL = 'src/connectors/http/http-call.ts';
const TARGET = 'src/connectors/http/target-url.ts';
const ERRORS = 'src/connectors/http/http-errors.ts';
const REQUEST = 'src/connectors/http/http-request.ts';
const PAGES = 'src/connectors/http/pages.ts';
const WAYS = 'src/connectors/http/ways-out.ts';
const LIMITS = 'test/gate/limits.spec.ts';
const BREAKER = 'test/gate/breaker.spec.ts';
const RETRIES = 'test/connectors/http/retries.spec.ts';
const CREDENTIALS = 'test/connectors/http/credentials.spec.ts';
const REQUESTS = 'test/connectors/http/requests.spec.ts';
const PAGES_SPEC = 'test/connectors/http/pages.spec.ts';

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: these are pieces of source.
/** Wrong turns in the limits that all processes share, and in requests through connections. */
export const connectorHttpMutants: readonly SpecMutant[] = [
  {
    name: 'gate: places are taken without a lock',
    patches: [{ file: TAKE, find: ' FOR UPDATE;', put: ';' }],
    spec: LIMITS,
    test: 'lets at most its limit through until its window ends',
  },
  {
    name: 'gate: a place that was kept for long is used',
    patches: [
      {
        file: LINE,
        find: 'const until = Math.max(\n        askedAt + row.inMs + lastsUs(limit) / 1_000,\n        Math.max(from, heardAt) + USABLE_MS,\n      );',
        put: 'const until = askedAt + row.inMs + lastsUs(limit) + USABLE_MS;',
      },
    ],
    spec: LIMITS,
    test: 'lets nothing through by places that a process has kept for too long',
  },
  {
    name: 'gate: the oldest place of a burst has passed when it arrives',
    patches: [
      {
        file: LIMIT,
        find: 'return Math.max(0, lastsUs(limit) - Math.max(SLACK_US, everyUs(limit)));',
        put: 'return lastsUs(limit);',
      },
      { file: LINE, find: 'Math.max(from, heardAt) + USABLE_MS', put: 'from' },
    ],
    spec: LIMITS,
    test: 'that is far above what is sent holds nothing up',
  },
  {
    name: 'gate: a rest saves up places without end',
    patches: [
      {
        file: TAKE,
        find: 'first := greatest(gate."next_slot", at_now -',
        put: 'first := coalesce(gate."next_slot", at_now -',
      },
    ],
    spec: LIMITS,
    test: 'has its burst again after a rest, and not more',
  },
  {
    name: 'gate: a quota is taken beyond its limit',
    patches: [
      {
        file: TAKE,
        find: "many := least((asked->>'count')::bigint, (asked->>'limit')::bigint - gate.\"used\");",
        put: "many := (asked->>'count')::bigint;",
      },
    ],
    spec: LIMITS,
    test: 'lets no more through where processes take many places at once',
  },
  {
    name: 'gate: places of a quota outlive their window',
    patches: [
      {
        file: LINE,
        find: 'askedAt + Math.min(row.endsInMs, FRESH_MS)',
        put: 'askedAt + 3_600_000',
      },
    ],
    spec: LIMITS,
    test: 'begins anew when its window has ended',
  },
  {
    name: 'gate: what was counted of a quota shrinks',
    patches: [{ file: STORE, find: 'THEN greatest(used, $3::bigint)', put: 'THEN $3::bigint' }],
    spec: LIMITS,
    test: 'is written once where many answers say the same, and never shrinks',
  },
  {
    name: 'gate: a place is taken of one limit where another has none',
    patches: [
      {
        file: TAKE,
        find: "IF why IS NOT NULL THEN RETURN jsonb_build_object('why', why, 'waitMs', longest); END IF;",
        put: 'IF why IS NOT NULL THEN\n    UPDATE "integration"."connector_gate" SET "next_slot" = "next_slot" + interval \'1 ms\';\n    RETURN jsonb_build_object(\'why\', why, \'waitMs\', longest);\n  END IF;',
      },
    ],
    spec: LIMITS,
    test: 'nothing is taken of one where another has nothing left',
  },
  {
    name: 'gate: a block is known to its own process alone',
    patches: [
      {
        file: GATE,
        find: 'await this.write(() => this.parts.store.block(key, ms),',
        put: 'await this.write(async () => {},',
      },
    ],
    spec: LIMITS,
    test: 'is left alone by all processes',
  },
  {
    name: 'gate: what a process holds outlives a block that it has made itself',
    patches: [
      {
        file: LINE,
        find: '    for (const limit of this.target.limits) this.parts.places(limit).drop();\n    this.checkedAt = Number.NEGATIVE_INFINITY;\n    this.remember(why, performance.now() + ms);',
        put: '',
      },
    ],
    spec: LIMITS,
    test: 'is left alone by all processes',
  },
  {
    name: 'gate: a shorter block ends a longer one',
    patches: [
      {
        file: STORE,
        find: 'SET blocked_until = greatest(g.blocked_until, excluded.blocked_until)',
        put: 'SET blocked_until = excluded.blocked_until',
      },
    ],
    spec: LIMITS,
    test: 'is left alone for as long as the longest time',
  },
  {
    name: 'breaker: everybody tries at once',
    patches: [
      {
        file: TAKE,
        find: "gate.\"probe_until\" := at_now + ((asked->>'probeMs')::float8 * interval '1 millisecond');\n",
        put: '\n',
      },
      { file: LINE, find: "if (probe !== undefined) this.remember('open', now + first.probeMs);", put: '' },
    ],
    spec: BREAKER,
    test: 'lets one request of all processes try',
  },
  {
    name: 'breaker: an attempt that took too long closes it',
    patches: [
      {
        file: STORE,
        find: '\n         AND (extract(epoch FROM probe_until) * 1000000)::bigint = $2::bigint RETURNING 1`',
        put: '\n         AND $2::bigint > 0 RETURNING 1`',
      },
    ],
    spec: BREAKER,
    test: 'what comes too late decides nothing',
  },
  {
    name: 'breaker: failures from before it was opened count again',
    patches: [
      {
        file: GATE,
        find: "if (error instanceof GateRefused && error.why === 'open') target.failures = 0;",
        put: '',
      },
    ],
    spec: BREAKER,
    test: 'is not opened again by failures from before',
  },
  {
    name: 'breaker: failures that do not follow one another open it',
    patches: [{ file: GATE, find: "if (outcome === 'worked') target.failures = 0;", put: '' }],
    spec: BREAKER,
    test: 'opens after so many failures in a row',
  },
  {
    name: 'http: a token is renewed as often as it is refused',
    patches: [{ file: CALL, find: '      this.hasRenewed = true;\n', put: '' }],
    spec: CREDENTIALS,
    test: 'costs two requests a call',
  },
  {
    name: 'http: a URL is compared by its host alone',
    patches: [
      {
        file: TARGET,
        find: 'if (!this.allowed.includes(url.origin))',
        put: 'if (!this.allowed.some((each) => new URL(each).hostname === url.hostname))',
      },
    ],
    spec: CREDENTIALS,
    test: 'is no URL with another port',
  },
  {
    name: 'http: a URL may have a user',
    patches: [{ file: TARGET, find: "if (url.username !== '' || url.password !== '')", put: 'if (false)' }],
    spec: CREDENTIALS,
    test: 'is no URL with a user',
  },
  {
    name: 'http: a redirect leads anywhere',
    patches: [
      {
        file: TARGET,
        find: 'return this.checked(of, parsed(link, at.href));',
        put: 'return parsed(link, at.href) ?? at;',
      },
      { file: CALL, find: '    destinations.checked(of, asked.url);\n', put: '' },
    ],
    spec: CREDENTIALS,
    test: 'is not left by a redirect',
  },
  {
    name: 'http: what writes the credentials may lead elsewhere',
    patches: [{ file: CALL, find: '    destinations.checked(of, asked.url);\n', put: '' }],
    spec: CREDENTIALS,
    test: 'is checked again after a function of the connector',
  },
  {
    name: 'http: connections are shared by all client certificates',
    patches: [
      {
        file: WAYS,
        find: "(tls === undefined ? '' : hashOf(tls.cert, tls.key, tls.ca ?? ''))",
        put: "(tls === undefined ? '' : 'tls')",
      },
    ],
    spec: CREDENTIALS,
    test: 'each certificate has connections of its own',
  },
  {
    name: 'http: a POST is repeated without a key',
    patches: [
      {
        file: REQUEST,
        find: 'return IDEMPOTENT.has(method.toUpperCase()) || headers[keyHeader] !== undefined;',
        put: 'return true;',
      },
    ],
    spec: RETRIES,
    test: 'is not sent again without one',
  },
  {
    name: 'http: a Retry-After that says nothing is no wait at all',
    patches: [{ file: CALL, find: '?? this.jitter());', put: '?? 0);' }],
    spec: RETRIES,
    test: 'counts as none, and is no reason not to wait',
  },
  {
    name: 'http: a wait that is too long is slept',
    patches: [
      {
        file: CALL,
        find: "if (ms > this.parts.settings().maxInlineWaitMs) throw notNow(of, 'blocked', ms);\n    this.retries++;",
        put: 'this.retries++;',
      },
    ],
    spec: RETRIES,
    test: 'that is too long puts off the event of a handler',
  },
  {
    name: 'http: a 429 is known to nobody else',
    patches: [
      {
        file: CALL,
        find: '    await this.parts.gate.limited(target, limitedKeyOf(identity), ms);\n',
        put: '',
      },
    ],
    spec: RETRIES,
    test: 'is known to other processes',
  },
  {
    name: 'http: an error shows the path that was sent',
    patches: [{ file: CALL, find: 'path: shownPath(path), attempt', put: 'path, attempt' }],
    spec: REQUESTS,
    test: 'that fails says what it was, and no header, token, query or body',
  },
  {
    name: 'http: an answer that is cut is taken as whole',
    patches: [
      {
        file: CALL,
        find: '    if (answer.isCut) throw tooLarge(of, status, this.parts.settings().maxResponseBytes);\n',
        put: '',
      },
    ],
    spec: REQUESTS,
    test: 'that is larger than allowed is refused',
  },
  {
    name: 'http: a handler gets an error where it could put its event off',
    patches: [{ file: ERRORS, find: 'if (currentContext()?.handler !== undefined)', put: 'if (false)' }],
    spec: RETRIES,
    test: 'that is too long puts off the event of a handler',
  },
  {
    name: 'pages: a circle goes on',
    patches: [
      {
        file: PAGES,
        find: 'return next !== undefined && this.seen.has(next);',
        put: 'return false && next !== undefined;',
      },
    ],
    spec: PAGES_SPEC,
    test: 'that go in a circle are an error, once: A, B, A',
  },
  {
    name: 'pages: a page without items is the last one',
    patches: [
      {
        file: PAGES,
        find: '    if (next === undefined) return;',
        put: '    if (next === undefined || items.length === 0) return;',
      },
    ],
    spec: PAGES_SPEC,
    test: 'go on behind a page without items',
  },
  {
    name: 'pages: a short page is the last one',
    patches: [
      {
        file: PAGES,
        find: "const isLast = count === 0 || (typeof most === 'number' && behind >= most);",
        put: "const isLast = count < (size ?? 1) || (typeof most === 'number' && behind >= most);",
      },
    ],
    spec: PAGES_SPEC,
    test: 'a short one is not the last',
  },
];
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: see above
