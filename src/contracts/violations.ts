import type { StandardSchemaV1 } from '@standard-schema/spec';
import { IntegrationError } from '../errors.js';
import { type JsonProblem, memberPath } from '../events/json-problem.js';
import type { EventSchema } from './schemas/event-schema.js';

type Issue = StandardSchemaV1.Issue;

/** How many problems a message lists. `details.problems` has all of them. */
const LISTED = 20;

/** What is wrong with one event. */
export interface Violation {
  readonly eventName: string;
  readonly version: number | undefined;
  readonly problems: readonly JsonProblem[];
  /** What the schema threw in the place of an answer. */
  readonly thrown?: unknown;
}

/** The issues of a schema, with the paths that messages of this package use. */
export function problemsOf(schema: EventSchema, issues: readonly Issue[], place: string): JsonProblem[] {
  const { vendor } = schema['~standard'];
  return issues.map((issue) => ({ path: pathOf(issue, place), reason: wordsOf(issue, vendor) }));
}

function pathOf({ path = [] }: Issue, place: string): string {
  let said = place;
  for (const segment of path) {
    const key = typeof segment === 'object' ? segment.key : segment;
    said = memberPath(said, typeof key === 'number' ? key : String(key));
  }
  return said;
}

/**
 * The messages of some libraries repeat the value that was given, and a payload must not appear in logs. What
 * these libraries expected says as much.
 */
function wordsOf(issue: Issue, vendor: string): string {
  if (vendor === 'arktype') return issue.message.replaceAll(/ ?\(was [^\n]*\)/g, '');
  const { expected } = issue as { expected?: unknown };
  return vendor === 'valibot' && typeof expected === 'string' ? `must be ${expected}` : issue.message;
}

/** The error for events that do not fit their contracts. */
export function violated(violations: readonly Violation[]): IntegrationError {
  const problems = violations.flatMap((violation) => violation.problems);
  const [first] = violations;
  const cause = violations.find(({ thrown }) => thrown !== undefined)?.thrown;
  return new IntegrationError(
    'INTEGRATION_CONTRACT_VIOLATION',
    `${sentenceOf(violations)} Nothing was published. Correct the payload; if the contract is to allow it, define the next version of it`,
    {
      eventName: first?.eventName,
      version: first?.version,
      events: [...new Set(violations.map(({ eventName }) => eventName))],
      problems: problems.map(({ path, reason }) => ({ path, reason })),
      paths: problems.map(({ path }) => path),
    },
    cause === undefined ? {} : { cause },
  );
}

/** Names the events, and every place of them that does not fit. */
export function sentenceOf(violations: readonly Violation[]): string {
  const names = violations.map(({ eventName, version }) =>
    version === undefined ? eventName : `${eventName} (version ${version})`,
  );
  const problems = violations.flatMap((violation) => violation.problems);
  const listed = problems.slice(0, LISTED).map(({ path, reason }) => `\n- ${path}: ${reason}`);
  const more = problems.length > LISTED ? [`\n- and ${problems.length - LISTED} more`] : [];
  return `The payload of ${[...new Set(names)].join(', ')} does not fit its contract:${[...listed, ...more].join('')}\n`;
}
