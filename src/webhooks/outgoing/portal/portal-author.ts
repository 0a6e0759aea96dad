import { nameOf } from '../../../rest/person-name.js';

/** With the tenant before it, a name still fits into the audit, whose names have at most 255 characters. */
const LONGEST_PERSON = 120;

/**
 * How the audit names whoever acts for a tenant: `tenant:acme`, or `tenant:acme/ann`. The tenant is always
 * there, so nobody at the portal can be taken for an admin of that name.
 */
export function authorOfTenant(tenantId: string, person: unknown): string {
  const named = nameOf(person, LONGEST_PERSON);
  return typeof named === 'object' ? `${ofTenant(tenantId)}/${named.name}` : ofTenant(tenantId);
}

/** Whether somebody who acts for the tenant is the author. The tenant itself is compared elsewhere. */
export function isOfTenant(author: string, tenantId: string): boolean {
  return author === ofTenant(tenantId) || author.startsWith(`${ofTenant(tenantId)}/`);
}

function ofTenant(tenantId: string): string {
  return `tenant:${tenantId}`;
}
