import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';

/** One webhook call to be made. */
export interface DeliveryInput {
  /** GitHub's id of the delivery; a new one for each call. */
  id: string;
  /** GitHub's name of the event, such as `pull_request`. */
  kind: string;
  body: { action?: string; repository?: { id: number; full_name: string } };
}

interface WebhookDefinition {
  name: string;
  examples: DeliveryInput['body'][];
}

/** Every example payload that the makers of Octokit have collected from GitHub, `repeat` times. */
export function readDeliveries(repeat: number): DeliveryInput[] {
  const definitions: WebhookDefinition[] = createRequire(import.meta.url)('@octokit/webhooks-examples');
  const once = definitions.flatMap(({ name, examples }) => examples.map((body) => ({ kind: name, body })));
  return Array.from({ length: repeat }, () => once)
    .flat()
    .map((delivery) => ({ id: randomUUID(), ...delivery }));
}
