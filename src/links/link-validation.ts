import { IntegrationError } from '../errors.js';
import { MAX_METADATA_BYTES } from '../events/event-limits.js';
import { serializePayload } from '../events/json-payload.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { isUuid, problemOfText } from '../words/text.js';
import type {
  CreateIntegrationLinkDto,
  IntegrationLinkEnd,
  IntegrationLinkType,
} from './integration-link.js';

const LINK_TYPES: readonly IntegrationLinkType[] = ['reference', 'cascade', 'aggregate_root'];
const NAME_MAX = 127;
const ID_MAX = 255;
const TEXTS: readonly [field: string, max: number][] = [
  ['sourceModule', NAME_MAX],
  ['sourceEntityType', NAME_MAX],
  ['sourceEntityId', ID_MAX],
  ['targetModule', NAME_MAX],
  ['targetEntityType', NAME_MAX],
  ['targetEntityId', ID_MAX],
];
/** The compiler reports an error here if a field is missing. */
const FIELDS: { readonly [F in keyof Required<CreateIntegrationLinkDto>]: true } = {
  sourceModule: true,
  sourceEntityType: true,
  sourceEntityId: true,
  targetModule: true,
  targetEntityType: true,
  targetEntityId: true,
  linkType: true,
  metadata: true,
};
const END_TEXTS: readonly [field: string, max: number][] = [
  ['module', NAME_MAX],
  ['entityType', NAME_MAX],
  ['entityId', ID_MAX],
];

/**
 * Checks a link before any SQL, and returns its metadata as JSON text.
 *
 * @throws IntegrationError INTEGRATION_LINK_INVALID, which names every field with a problem
 */
export function validateLink(dto: unknown): string {
  const link = objectOf(dto, 'The link');
  const problems = problemsOf(link, TEXTS);
  if (!isLinkType(link.linkType)) problems.push(problemOfLinkType());
  const metadata = link.metadata ?? {};
  if (typeof metadata !== 'object' || Array.isArray(metadata)) problems.push('metadata must be an object');
  problems.push(...problemsOfUnknownNames(link, { known: Object.keys(FIELDS), kind: 'a field of a link' }));
  if (problems.length > 0) throw invalid(problems);
  try {
    return serializePayload(metadata, { maxPayloadBytes: MAX_METADATA_BYTES }, 'metadata').json;
  } catch (error) {
    throw error instanceof IntegrationError ? invalid([error.message], error) : error;
  }
}

/** Checks one end of a link. Throws INTEGRATION_LINK_INVALID. */
export function validateLinkEnd(end: IntegrationLinkEnd): void {
  const problems = problemsOf(objectOf(end, 'The end of the link'), END_TEXTS);
  if (problems.length > 0) throw invalid(problems);
}

/** Checks a link type. Throws INTEGRATION_LINK_INVALID. */
export function validateLinkType(type: unknown): void {
  if (!isLinkType(type)) throw invalid([problemOfLinkType()]);
}

/** Checks a link's id. Throws INTEGRATION_LINK_INVALID. */
export function validateLinkId(id: unknown): void {
  if (!isUuid(id)) throw invalid(['id must be a uuid']);
}

function isLinkType(type: unknown): type is IntegrationLinkType {
  return LINK_TYPES.some((known) => known === type);
}

function problemOfLinkType(): string {
  return `linkType must be one of ${LINK_TYPES.join(', ')}`;
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new IntegrationError('INTEGRATION_LINK_INVALID', `${what} must be an object`);
}

function problemsOf(
  value: Record<string, unknown>,
  texts: readonly [field: string, max: number][],
): string[] {
  return texts.flatMap(([field, max]) => {
    const problem = problemOfText(value[field], max);
    return problem === undefined ? [] : [`${field} ${problem}`];
  });
}

function invalid(problems: readonly string[], cause?: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_LINK_INVALID',
    `The link is not valid: ${problems.join('; ')}`,
    { problems },
    cause === undefined ? undefined : { cause },
  );
}
