import type { DomainEvent } from 'nestjs-integration';
import { defineEvent, type PayloadOfContract } from 'nestjs-integration/contracts';
import { z } from 'zod';
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

/** Published by deliveries: what happened, in words of this application. It is public, so it leaves as a webhook. */
export const activityRecorded = defineEvent({
  name: 'activity.recorded',
  visibility: 'public',
  description: 'Something happened in a repository or an account.',
  schema: z.object({
    kind: z.string(),
    action: z.string().nullable(),
    repository: z.string().nullable(),
    by: z.string().nullable(),
  }),
  examples: [{ kind: 'issues', action: 'opened', repository: 'acme/shop', by: 'ada' }],
});

/** Published by statistics: what was counted since the summary before. Receivers of webhooks get the sum alone. */
export const statisticsSummarized = defineEvent({
  name: 'statistics.summarized',
  visibility: 'public',
  description: 'What was counted since the summary before.',
  schema: z.object({
    number: z.number().int(),
    changes: z.array(
      z.object({
        subjectType: z.string(),
        subjectId: z.string(),
        kind: z.string(),
        added: z.number().int(),
      }),
    ),
  }),
  webhook: {
    type: 'activity.summarized',
    data: ({ payload: { number, changes } }) => ({
      number,
      added: changes.reduce((sum, { added }) => sum + added, 0),
    }),
  },
});

export type StatisticsSummary = PayloadOfContract<typeof statisticsSummarized>;

/** What an order of printed activity costs, and how long its payment may take. */
export interface OrderTerms {
  cents: number;
  payWithinMs: number;
}

// Tells nestjs-integration which events there are and which client its transactions have. From here on the compiler checks
// names and payloads wherever something is published or handled.
declare module 'nestjs-integration' {
  interface IntegrationEvents {
    [name: `webhook.github.${string}`]: GithubPayload;
    'activity.recorded': PayloadOfContract<typeof activityRecorded>;
    'statistics.summarized': StatisticsSummary;
    'print-order.placed': OrderTerms;
    'print-order.paper-released': Record<string, never>;
  }
  interface IntegrationTypes {
    transaction: Prisma.TransactionClient;
  }
}
