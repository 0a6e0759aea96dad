import { isEventSchema } from '../../contracts/schemas/event-schema.js';
import { problemsOfUnknownNames } from '../../words/known-names.js';
import { problemOfText } from '../../words/text.js';
import { isHttpLimit } from '../http/http-limits.js';
import { problemsOfAuth } from './auth-checks.js';
import { type ConnectorActionOptions, type ConnectorOptions, DIRECTIONS } from './connector.js';

type Given = Readonly<Record<string, unknown>>;

/** A key is a part of names of events, of limits and of URLs. */
const KEY = /^[a-z0-9][a-z0-9-]{0,62}$/;
const VERSION = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]{1,40})?$/;
const ACTION = /^[a-z0-9][a-z0-9._-]{0,99}$/i;
const COLOR = /^#[0-9a-f]{6}$/i;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_.]{0,126}$/;
const LONGEST_TIMEOUT_MS = 3_600_000;

const OPTIONS = {
  key: true,
  name: true,
  version: true,
  category: true,
  direction: true,
  tags: true,
  branding: true,
  description: true,
  auth: true,
  config: true,
  secrets: true,
  env: true,
  http: true,
} as const satisfies { readonly [K in keyof Required<ConnectorOptions>]: true };

const ACTION_OPTIONS = {
  name: true,
  input: true,
  output: true,
  scopes: true,
  idempotent: true,
  timeoutMs: true,
  description: true,
} as const satisfies { readonly [K in keyof Required<ConnectorActionOptions>]: true };

/** What is wrong with the options of `@Connector`, one sentence each. */
export function problemsOfConnector(options: unknown): string[] {
  if (typeof options !== 'object' || options === null) return ['@Connector needs an object of options'];
  const given = options as Given;
  return [
    ...problemsOfUnknownNames(given, { known: Object.keys(OPTIONS), kind: 'an option of @Connector' }),
    ...(matches(given.key, KEY)
      ? []
      : ['key must have 1 to 63 small letters, digits and "-", and begin with a letter or a digit']),
    ...textProblem('name', given.name, 255),
    ...(given.version === undefined || matches(given.version, VERSION)
      ? []
      : ['version must be a version such as 1.0.0']),
    ...(matches(given.category, KEY)
      ? []
      : ['category must have 1 to 63 small letters, digits and "-", such as hr or crm']),
    ...(given.direction === undefined || (DIRECTIONS as readonly unknown[]).includes(given.direction)
      ? []
      : [`direction must be one of ${DIRECTIONS.join(', ')}`]),
    ...problemsOfTags(given.tags),
    ...problemsOfBranding(given.branding),
    ...(given.description === undefined ? [] : textProblem('description', given.description, 10_000)),
    ...['config', 'secrets'].flatMap((name) => schemaProblem(name, given[name], true)),
    ...problemsOfVariables(given.env),
    ...problemsOfAuth(given.auth),
    ...problemsOfHttp(given.http),
  ];
}

/** What is wrong with the options of `@ConnectorAction`. */
export function problemsOfAction(options: unknown): string[] {
  const given = Object(options) as Given;
  const { name, scopes, idempotent, timeoutMs } = given;
  return [
    ...problemsOfUnknownNames(given, {
      known: Object.keys(ACTION_OPTIONS),
      kind: 'an option of @ConnectorAction',
    }),
    ...(matches(name, ACTION)
      ? []
      : ['name must have 1 to 100 letters, digits, ".", "_" and "-", and begin with a letter or a digit']),
    ...schemaProblem('input', given.input, false),
    ...schemaProblem('output', given.output, true),
    ...(scopes === undefined || isListOfTexts(scopes) ? [] : ['scopes must be a list of texts']),
    ...(idempotent === undefined || typeof idempotent === 'boolean'
      ? []
      : ['idempotent must be true or false']),
    ...(timeoutMs === undefined || isCount(timeoutMs, LONGEST_TIMEOUT_MS)
      ? []
      : [`timeoutMs must be a whole number from 1 to ${LONGEST_TIMEOUT_MS}`]),
    ...(given.description === undefined ? [] : textProblem('description', given.description, 10_000)),
  ];
}

function problemsOfHttp(http: unknown): string[] {
  if (typeof http !== 'object' || http === null) return ['http must be an object with baseUrl'];
  const given = http as Given;
  const { baseUrl, origins, limits } = given;
  const isFunction = typeof baseUrl === 'function';
  return [
    ...problemsOfUnknownNames(given, {
      known: ['baseUrl', 'origins', 'limits'],
      kind: 'an option of http',
      prefix: 'http.',
    }),
    ...(isFunction || isUrl(baseUrl)
      ? []
      : [
          'http.baseUrl must be a URL without a query and without a user, such as https://api.example, or a function',
        ]),
    ...(origins === undefined || (Array.isArray(origins) && origins.every(isOrigin))
      ? []
      : ['http.origins must be a list of origins, such as https://files.example']),
    ...(limits === undefined || Array.isArray(limits)
      ? ((limits as unknown[] | undefined) ?? []).flatMap(problemsOfLimit)
      : ['http.limits must be a list']),
  ];
}

function problemsOfLimit(limit: unknown, i: number): string[] {
  return isHttpLimit(limit) ? [] : [`http.limits[${i}] must be what rate(…) or quota(…) returns`];
}

function problemsOfTags(tags: unknown): string[] {
  return tags === undefined || (isListOfTexts(tags) && tags.length <= 50)
    ? []
    : ['tags must be a list of at most 50 texts'];
}

function problemsOfBranding(branding: unknown): string[] {
  if (branding === undefined) return [];
  if (typeof branding !== 'object' || branding === null) return ['branding must be an object'];
  const given = branding as Given;
  const { logoUrl, color, icon } = given;
  return [
    ...problemsOfUnknownNames(given, {
      known: ['logoUrl', 'color', 'icon'],
      kind: 'an option of branding',
      prefix: 'branding.',
    }),
    ...(logoUrl === undefined || (isUrl(logoUrl) && String(logoUrl).startsWith('https:'))
      ? []
      : ['branding.logoUrl must be a URL of https']),
    ...(color === undefined || matches(color, COLOR)
      ? []
      : ['branding.color must be a color such as #0a7cff']),
    ...(icon === undefined ? [] : textProblem('branding.icon', icon, 127)),
  ];
}

function problemsOfVariables(env: unknown): string[] {
  if (env === undefined) return [];
  if (!Array.isArray(env)) return ['env must be a list of { name, purpose, where }'];
  const names = env.map((each: unknown) => (Object(each) as Given).name);
  return env.flatMap((each: unknown, i) => {
    const { name, purpose, where } = Object(each) as Given;
    return [
      ...(matches(name, VARIABLE) ? [] : [`env[${i}].name must be the name of a variable`]),
      ...textProblem(`env[${i}].purpose`, purpose, 1_000),
      ...textProblem(`env[${i}].where`, where, 1_000),
      ...(names.indexOf(name) < i ? [`env has ${JSON.stringify(name)} twice`] : []),
    ];
  });
}

function schemaProblem(name: string, schema: unknown, isOptional: boolean): string[] {
  if ((schema === undefined && isOptional) || isEventSchema(schema)) return [];
  return [
    `${name} must be a schema, as those of zod, valibot and arktype, or jsonSchema(…) or classSchema(…)`,
  ];
}

export function textProblem(field: string, value: unknown, most: number): string[] {
  const problem = problemOfText(value, most);
  return problem === undefined ? [] : [`${field} ${problem}`];
}

export function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function isCount(value: unknown, most: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1 && Number(value) <= most;
}

function isListOfTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => problemOfText(each, 1_000) === undefined);
}

/** An absolute URL of HTTP, to which paths can be added. */
export function isUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, search, hash, username, password } = new URL(value);
  const isHttp = protocol === 'https:' || protocol === 'http:';
  return isHttp && search === '' && hash === '' && username === '' && password === '';
}

function isOrigin(value: unknown): boolean {
  return isUrl(value) && new URL(String(value)).origin === String(value).replace(/\/$/, '');
}
