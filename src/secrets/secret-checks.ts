import { checkText, invalidArgument } from '../words/argument-checks.js';
import type { SecretName, SecretOwner } from './secret.store.js';

const LONGEST_VALUE = 65_536;
const LONGEST_OVERLAP_MS = 366 * 24 * 3_600_000;

export function checkOwner({ tenantId, ownerType, ownerId }: SecretOwner): void {
  for (const [field, value, max] of [
    ['tenantId', tenantId ?? '', 127],
    ['ownerType', ownerType ?? null, 63],
    ['ownerId', ownerId ?? null, 255],
  ] as const)
    checkText(field, value, max);
}

export function checkName(of: SecretName): void {
  checkOwner(of);
  checkText('name', of.name ?? null, 127);
}

/**
 * A text that must be given. One that is missing or empty comes from a variable without a value more often
 * than it is meant.
 */
export function checkGiven(field: string, value: unknown, max: number): void {
  if (typeof value !== 'string' || value.trim() === '')
    throw invalidArgument(`${field} must be a text that is not empty`, { field });
  checkText(field, value, max);
}

/** What a secret is stored under. Secrets that a release before stored under an empty text can be read. */
export function checkNewName(of: SecretName): void {
  checkName(of);
  checkGiven('ownerType', of.ownerType, 63);
  checkGiven('ownerId', of.ownerId, 255);
  checkGiven('name', of.name, 127);
}

/** The message does not contain the value. */
export function checkValue(value: unknown): void {
  const isText = typeof value === 'string' && value.length > 0 && Buffer.byteLength(value) <= LONGEST_VALUE;
  if (!isText || Buffer.from(value).toString() !== value)
    throw invalidArgument(`The value of a secret must be a text of 1 to ${LONGEST_VALUE} bytes`, {
      field: 'value',
    });
}

export function checkOverlap(overlapMs: number): void {
  if (typeof overlapMs === 'number' && overlapMs >= 0 && overlapMs <= LONGEST_OVERLAP_MS) return;
  throw invalidArgument('overlapMs must be a number of milliseconds from 0 to a year', {
    field: 'overlapMs',
  });
}
