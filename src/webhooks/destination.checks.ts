import type { EngineDatabase } from '../database/engine-database.js';
import type { Check } from '../maintenance/finding.js';
import type { WebhookDestination } from './outgoing/destinations/destination.js';
import { DestinationStore } from './outgoing/destinations/destination.store.js';
import {
  forgottenDestinations,
  lanesWithoutOwner,
} from './outgoing/destinations/destination-checks.store.js';

/** How many destinations the doctor names. */
const MOST_NAMED = 100;

/** What the doctor looks at of outgoing webhooks. */
export function destinationChecks(db: EngineDatabase): Check[] {
  const store = new DestinationStore(db);
  return [
    {
      name: 'webhook-destination-without-secret',
      severity: 'critical',
      run: async () =>
        (await store.withoutSecret(MOST_NAMED)).map((destination) => ({
          ...about(destination),
          finding: `The destination ${named(destination)} has no secret.`,
          meaning: 'Nothing that is sent to it can be signed, so nothing is sent.',
          fix: 'Give it a secret (WebhookDestinationsService, rotateSecret), or remove it if the tenant is gone.',
        })),
    },
    {
      name: 'webhook-destination-behind-the-log',
      severity: 'critical',
      run: async () =>
        (await store.behindTheLog(MOST_NAMED)).map(({ first, ...destination }) => ({
          ...about(destination),
          finding: `The destination ${named(destination)} has missed events since position ${destination.behindFrom}, and the log begins at ${first}.`,
          meaning: 'Retention has deleted some of what it has missed. They are lost to it.',
          fix: 'Resume or enable it, so that it gets what the log still has, or remove it.',
          details: { ...about(destination).details, behindFrom: destination.behindFrom, first },
        })),
    },
    {
      name: 'webhook-destination-disabled',
      run: async () =>
        (await store.disabled(MOST_NAMED)).map((destination) => ({
          ...about(destination),
          finding: `The destination ${named(destination)} was disabled: ${destination.reason ?? 'it has failed for too long'}.`,
          meaning:
            'It is sent nothing. What is published meanwhile is delivered once it is enabled, as far as the log has it then.',
          fix: 'Have its receiver mended, and enable it (WebhookDestinationsService, enable), or remove it.',
        })),
    },
    ...laneChecks(db),
  ];
}

function laneChecks(db: EngineDatabase): Check[] {
  return [
    {
      name: 'webhook-lane-without-owner',
      severity: 'critical',
      run: async () =>
        (await lanesWithoutOwner(db)).map(({ lane, targets, since }) => ({
          about: [lane],
          since,
          finding: `No process sends to the destinations of lane ${lane}. Deliveries of ${targets} destinations wait.`,
          meaning: 'Nothing is sent to them until a process takes the lane.',
          fix: 'Start a process with WebhooksModule, the option outgoing, and a role that delivers.',
          details: { lane, targets },
        })),
    },
    {
      name: 'webhook-destination-forgotten',
      severity: 'critical',
      run: async () =>
        (await forgottenDestinations(db, MOST_NAMED)).map(({ since, ...destination }) => ({
          ...about(destination),
          since,
          finding: `A delivery to the destination ${named(destination)} is due, and its lane does not know of it.`,
          meaning: 'Nothing is sent to it until something new is routed to it.',
          fix: 'Pause it and resume it (WebhookDestinationsService, pause and resume), so that its lane looks again.',
        })),
    },
  ];
}

function about({ id, tenantId }: Pick<WebhookDestination, 'id' | 'tenantId'>) {
  return { about: [id], details: { destinationId: id, tenantId } };
}

function named({ id, tenantId }: Pick<WebhookDestination, 'id' | 'tenantId'>): string {
  return `${id} of tenant ${JSON.stringify(tenantId)}`;
}
