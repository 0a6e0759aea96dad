import { IntegrationError } from '../errors.js';
import { EVENT_TEXT_LIMITS } from '../events/event-limits.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { problemOfName, problemOfText } from '../words/text.js';
import type { EventDefinition } from './event-definition.js';
import { type EventSchema, isEventSchema } from './schemas/event-schema.js';

type Checked = keyof EventDefinition<string, EventSchema>;
type Given = { readonly [K in Checked]?: unknown };

const MAX_VERSION = 2_147_483_647;
const WHAT_IS_A_SCHEMA =
  'must be a schema: of zod, valibot, arktype or another library with Standard Schema, or what jsonSchema(…) or classSchema(…) returns';

/** The check of each field. It returns what is wrong with a given value, or undefined. */
const CHECKS: { readonly [K in Checked]-?: (value: unknown, given: Given) => string | undefined } = {
  name: (value) =>
    problemOfText(value, EVENT_TEXT_LIMITS.eventName) ??
    problemOfName(value as string) ??
    (String(value).includes('*') ? 'must be the name of one event, not a pattern' : undefined),
  version: problemOfVersion,
  schema: (value) => (isEventSchema(value) ? undefined : WHAT_IS_A_SCHEMA),
  upcast: (value, { version }) => problemOfUpcasters(value, version ?? 1),
  visibility: oneOf('internal', 'public'),
  webhook: (value) => (typeof value === 'object' && value !== null ? undefined : 'must be an object'),
  direction: oneOf('outbound', 'inbound', 'bidirectional'),
  category: problemOfLine,
  severity: oneOf('info', 'warning', 'error', 'critical'),
  description: (value) => (typeof value === 'string' ? undefined : 'must be a string'),
  examples: (value) => (Array.isArray(value) ? undefined : 'must be a list of payloads'),
  deprecated: problemOfFlag,
  retired: problemOfFlag,
};

const REQUIRED: readonly string[] = ['name', 'schema'] satisfies Checked[];

/**
 * Checks what `defineEvent` was given.
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem
 */
export function checkDefinition(definition: unknown): void {
  const given = Object(definition) as Given;
  const names = Object.keys(CHECKS) as Checked[];
  const problems = [
    ...names.flatMap((name) => {
      const value = given[name];
      if (value === undefined && !REQUIRED.includes(name)) return [];
      const problem = CHECKS[name](value, given);
      return problem === undefined ? [] : [`${name} ${problem}`];
    }),
    ...problemsOfUnknownNames(given, { known: names, kind: 'a part of a contract' }),
  ];
  if (problems.length === 0) return;
  const which = typeof given.name === 'string' ? ` of ${JSON.stringify(given.name)}` : '';
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `The contract${which} is invalid:${problems.map((problem) => `\n- ${problem}`).join('')}`,
    { problems },
  );
}

function problemOfVersion(value: unknown): string | undefined {
  const fits = Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MAX_VERSION;
  return fits ? undefined : `must be a whole number from 1 to ${MAX_VERSION}`;
}

function problemOfUpcasters(value: unknown, version: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'must be an object: { 1: (payload) => … }';
  const wrong = Object.entries(value).filter(
    ([key, upcaster]) =>
      problemOfVersion(Number(key)) !== undefined ||
      Number(key) >= Number(version) ||
      typeof upcaster !== 'function',
  );
  if (wrong.length === 0) return undefined;
  const which = wrong.map(([key]) => key).join(', ');
  return `has under ${which} no function for a version before version ${String(version)}`;
}

function problemOfLine(value: unknown): string | undefined {
  return typeof value === 'string' ? problemOfName(value) : 'must be a string';
}

function problemOfFlag(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : 'must be true or false';
}

function oneOf(...choices: readonly string[]): (value: unknown) => string | undefined {
  return (value) =>
    choices.includes(value as string)
      ? undefined
      : `must be one of ${choices.join(', ')}, not ${JSON.stringify(value)}`;
}
