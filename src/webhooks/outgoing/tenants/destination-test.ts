import { UuidV7Generator } from '../../../events/uuid-v7.js';
import { invalidArgument } from '../../../words/argument-checks.js';
import type { WebhookAttempt } from '../destinations/delivery.js';
import type { WebhookDestination } from '../destinations/destination.js';
import type { OutgoingEngine } from '../outgoing-engine.js';
import type { PublicEvent } from '../public/public-events.js';
import { dataOf } from '../public/rendered-event.js';
import { SendingKeyRing } from '../sender/sending-keys.js';
import { errorOf, SignedRequests } from '../sender/signed-requests.js';

/** What a test sends of a type whose contract has no example. */
const NO_EXAMPLE = '{"test":true}';

const ids = new UuidV7Generator();

/** A request that shows whether a destination works. It is no delivery. */
export interface DestinationTest {
  /** The `webhook-id`: `msg_test_` and a uuid. No event has such an id. */
  readonly id: string;
  readonly type: string;
  /** JSON. */
  readonly data: string;
}

/**
 * A test of a type, or of the first type that the destination asks for.
 *
 * @throws IntegrationError INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC for a type that no public event has;
 * INTEGRATION_ADMIN_INVALID for a pattern of types
 */
export function testOf(
  { id, eventTypes }: Pick<WebhookDestination, 'id' | 'eventTypes'>,
  given: string | undefined,
  { events, limits }: Pick<OutgoingEngine, 'events' | 'limits'>,
): DestinationTest {
  if (given !== undefined) events.check(given);
  const [first] = events.namesFor(eventTypes);
  const found =
    given !== undefined
      ? events.all().find(({ type }) => type === given)
      : first === undefined
        ? undefined
        : events.ofName(first);
  if (found === undefined)
    throw invalidArgument(
      given === undefined
        ? `The destination ${id} asks for no event that is public now: say the type of the test`
        : `A test is of one type, and ${JSON.stringify(given)} stands for several`,
      { field: 'type' },
    );
  return testWith(found.type, exampleOf(found, limits));
}

/** A test with an id of its own. */
export function testWith(type: string, data = NO_EXAMPLE): DestinationTest {
  return { id: `msg_test_${ids.next()}`, type, data };
}

/** Sends a test. It says what became of it, and never rejects. */
export async function sendTestTo(
  { id: target, tenantId, url, format, timeoutMs }: WebhookDestination,
  { id: eventId, type, data }: DestinationTest,
  engine: Pick<OutgoingEngine, 'secrets' | 'http' | 'settings' | 'cloudEventsSource'>,
): Promise<WebhookAttempt> {
  // A ring of its own: a test signs with what is in force now, and not with what was two seconds ago.
  const keys = new SendingKeyRing(() => engine.secrets);
  const { http, cloudEventsSource: source } = engine;
  const requests = new SignedRequests({ http, keys, settings: () => engine.settings, source });
  const what = { eventId, type, eventAt: new Date(), data };
  const sent = await requests.send({ target, tenantId, url, format, timeoutMs, ...what });
  const { at, durationMs, statusCode, answer } = sent;
  return { attempt: 1, at, durationMs, statusCode, error: errorOf(sent), answer };
}

/**
 * The first example of a contract, as receivers would get it. An example is a payload, so where the contract
 * has `webhook.data`, only what that makes of it is sent. If it makes nothing of it, there is no example.
 */
function exampleOf(of: PublicEvent, limits: Parameters<typeof dataOf>[2]): string {
  const { name, version, examples } = of.contract;
  const [example] = examples;
  if (example === undefined) return NO_EXAMPLE;
  try {
    const event = {
      outboxEventId: '00000000-0000-0000-0000-000000000000',
      eventName: name,
      eventVersion: version,
      sourceModule: 'webhooks',
      aggregateType: 'test',
      aggregateId: 'test',
      payload: JSON.stringify(example),
      metadata: {},
      timestamp: new Date(),
      position: 0,
    };
    return dataOf(event, of, limits);
  } catch {
    return NO_EXAMPLE;
  }
}
