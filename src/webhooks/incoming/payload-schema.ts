import {
  type EventSchema,
  type InferInput,
  type InferOutput,
  prepareSchema,
} from '../../contracts/schemas/event-schema.js';
import { validateLater } from '../../contracts/validate.js';
import { problemsOf } from '../../contracts/violations.js';
import type { StoredAs } from '../../events/domain-event.js';
import type { JsonProblem } from '../../events/json-problem.js';
import { jsonOf, type RawWebhookRequest } from './definitions/raw-request.js';
import type { WebhookSource } from './definitions/webhook-source.js';
import { redactedOutput } from './redacted-output.js';
import { refusal } from './refusal.js';

/**
 * The payloads of a source's events, by the names of the events, for the interface `IntegrationEvents`.
 *
 * ```ts
 * const schemas = { push: z.object({ ref: z.string() }) };
 * declare module 'nestjs-integration' {
 *   interface IntegrationEvents extends WebhookPayloads<'github', typeof schemas> {}
 * }
 * ```
 */
export type WebhookPayloads<Key extends string, Schemas extends Record<string, EventSchema>> = {
  [T in keyof Schemas & string as `webhook.${Key}.${T}`]: StoredAs<
    InferOutput<Schemas[T]>,
    InferInput<Schemas[T]>
  >;
};

/** How many problems an event is marked with. */
const MOST_NOTED = 20;

/** What the schema of a type makes of a body, or what is wrong with the body. */
export type Judgement = { readonly payload: unknown } | { readonly violations: readonly JsonProblem[] };

/** Undefined for a type without a schema. */
export async function judge(
  { schemas, redact }: WebhookSource,
  type: string,
  request: RawWebhookRequest,
): Promise<Judgement | undefined> {
  const schema = schemas !== undefined && Object.hasOwn(schemas, type) ? schemas[type] : undefined;
  if (schema === undefined) return undefined;
  const json = jsonOf(request);
  if (json === undefined) return noJson('is no JSON');
  const result = await validateLater(schema, json);
  if (result.issues === undefined) {
    const { value } = result;
    return { payload: redact === undefined ? value : await redactedOutput(schema, json, value, redact) };
  }
  return { violations: problemsOf(schema, result.issues, 'payload').slice(0, MOST_NOTED) };
}

export function noJson(reason: string): Judgement {
  return { violations: [{ path: 'payload', reason }] };
}

/** The same with further problems. A body that has some is not a payload of its type. */
export function withViolations(
  judged: Judgement | undefined,
  more: readonly JsonProblem[],
): Judgement | undefined {
  if (more.length === 0) return judged;
  const known = judged !== undefined && 'violations' in judged ? judged.violations : [];
  return { violations: [...more, ...known].slice(0, MOST_NOTED) };
}

/** Loads what the schemas of a source need. @throws IntegrationError INTEGRATION_PEER_MISSING */
export async function prepareSchemas({ schemas = {} }: WebhookSource): Promise<void> {
  for (const schema of Object.values(schemas)) await prepareSchema(schema);
}

/** The sender is told which fields it is about. Their values are not repeated. */
export function refuseInvalid(source: string, judged: Judgement | undefined): void {
  if (judged === undefined || !('violations' in judged)) return;
  const said = judged.violations.map(({ path, reason }) => `${path}: ${reason}`);
  const isOfBody = judged.violations.every(({ path }) => path.startsWith('payload'));
  const what = isOfBody ? 'does not fit the schema of its type' : 'cannot be read by its source';
  throw refusal('payload', source, `The body ${what} (${said.join('; ')})`);
}
