import type { EventSchema } from '../../contracts/schemas/event-schema.js';
import { jsonSchemaOf } from '../../contracts/standard-json-schema.js';
import type { FoundConnector } from './connector.js';
import type { DeclaredConnector } from './connector-definition.store.js';
import { viewOf } from './connector-view.js';

/** What is stored of a connector. It has neither secrets nor values of variables. */
export async function declaredConnector(connector: FoundConnector): Promise<DeclaredConnector> {
  const view = viewOf(connector);
  const { config, secrets, env = [], actions, syncs } = connector;
  const definition = {
    ...view,
    config: await schemaOf(config),
    secrets: await schemaOf(secrets),
    env: env.map(({ name, purpose, where }) => ({ name, purpose, where })),
    actions: await Promise.all(
      [...actions.values()].map(async ({ name, input, output, scopes = [], idempotent = false }) => ({
        name,
        scopes,
        idempotent,
        input: await schemaOf(input),
        output: await schemaOf(output),
      })),
    ),
    syncs: await Promise.all(
      [...syncs.values()].map(async ({ key, model, mode, schedule, deletions, records, events }) => ({
        key,
        model: { name: model.name, schema: await schemaOf(model.schema) },
        mode,
        schedule: schedule ?? null,
        deletions,
        records,
        events,
      })),
    ),
  };
  return { view, definition };
}

/** Null where there is no schema, or where its library cannot write it. */
async function schemaOf(schema: EventSchema | undefined): Promise<unknown> {
  if (schema === undefined) return null;
  const found = await jsonSchemaOf(schema);
  return found.kind === 'found' ? found.schema : null;
}
