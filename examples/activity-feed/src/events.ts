import type { DomainEvent } from 'nestjs-integration';
import type { Prisma } from './generated/prisma/client.js';

/**
 * The body of a delivery, which is the payload of `webhook.github.<event>.<action>`, or of
 * `webhook.github.<event>` where GitHub sends no action. Only the parts are here that this application reads.
 */
export interface GithubPayload {
  action?: string;
  repository?: { id: number; full_name: string };
  organization?: { id: number; login: string };
  sender?: { id: number; login: string };
  security_advisory?: { ghsa_id: string };
  pull_request?: { number: number; head: { sha: string } };
  issue?: { number: number; pull_request?: object };
  commits?: { id: string }[];
  sha?: string;
  comment?: { commit_id?: string };
  check_run?: { head_sha: string; pull_requests: { number: number }[] };
  check_suite?: { head_sha: string | null; pull_requests: { number: number }[] };
  workflow_run?: { head_sha: string };
}

/** GitHub's name of the event, such as `pull_request`. */
export function kindOf({ eventName }: Pick<DomainEvent, 'eventName'>): string {
  return eventName.split('.')[2] ?? 'unknown';
}

/** Published by statistics: what was counted since the summary before. */
export interface StatisticsSummary {
  number: number;
  changes: { subjectType: string; subjectId: string; kind: string; added: number }[];
}

// Tells nestjs-integration which events there are and which client its transactions have. From here on the compiler checks
// names and payloads wherever something is published or handled.
declare module 'nestjs-integration' {
  interface IntegrationEvents {
    [name: `webhook.github.${string}`]: GithubPayload;
    'statistics.summarized': StatisticsSummary;
  }
  interface IntegrationTypes {
    transaction: Prisma.TransactionClient;
  }
}
