import type { AnyEventContract } from '../../../contracts/event-contract.js';
import type { JsonSchema } from '../../../contracts/schemas/event-schema.js';
import { jsonSchemaOf } from '../../../contracts/standard-json-schema.js';
import type { WebhookEventType } from '../destinations/destination.js';
import type { PublicEvents } from '../public/public-events.js';

/** What destinations may ask for. What `webhook.data` makes of a payload has no schema that is known here. */
export async function eventTypesOf(events: PublicEvents): Promise<WebhookEventType[]> {
  return Promise.all(
    events.all().map(async ({ type, contract }) => {
      const isPayload = contract.webhook?.data === undefined;
      return {
        type,
        description: contract.description ?? null,
        schema: isPayload ? await schemaOf(contract) : null,
        examples: isPayload ? contract.examples : [],
        deprecated: contract.deprecated,
      };
    }),
  );
}

async function schemaOf({ schema }: AnyEventContract): Promise<JsonSchema | null> {
  const found = await jsonSchemaOf(schema);
  return found.kind === 'found' ? found.schema : null;
}
