import type { GithubPayloadDto } from './github-payload.dto.js';

/** What a delivery is about: the aggregate of its event. Events of one aggregate are handled in order. */
export interface Subject {
  type: 'repository' | 'organization' | 'sender' | 'security_advisory' | 'delivery';
  id: string;
}

/**
 * The repository, else the organization, else who caused it. Security advisories name none of them, and are about
 * themselves; a payload of which we know nothing is ordered with no other.
 */
export function subjectOf(payload: GithubPayloadDto, deliveryId: string): Subject {
  if (payload.repository) return { type: 'repository', id: String(payload.repository.id) };
  if (payload.organization) return { type: 'organization', id: String(payload.organization.id) };
  if (payload.sender) return { type: 'sender', id: String(payload.sender.id) };
  if (payload.security_advisory) return { type: 'security_advisory', id: payload.security_advisory.ghsa_id };
  return { type: 'delivery', id: deliveryId };
}
