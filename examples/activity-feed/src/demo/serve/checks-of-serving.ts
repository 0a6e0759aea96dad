import { request } from 'node:http';
import { Checks } from '../checks.js';
import { consumersAtWork, type Stage } from '../stage.js';

/** `search` and `archive`. */
const SERVED_ONLY = 2;

/** Looks at the demo as a browser would: through its address. */
export async function checkServing(
  adminUrl: string,
  stage: Pick<Stage, 'broker' | 'destinations'>,
): Promise<Checks> {
  const checks = new Checks();
  const served = consumersAtWork(stage) + SERVED_ONLY;
  checks.equal('status-of-the-dashboard', (await fetch(`${adminUrl}/ui`)).status, 200);
  const overview = await answerOf(`${adminUrl}/overview`);
  checks.equal('overview-consumers', overview.consumers, served);
  checks.equal('overview-paused', overview.paused, 1);
  checks.atLeast('overview-dead-letters', overview.deadLetters, 1);

  const consumers = await itemsOf(`${adminUrl}/consumers`);
  const of = (name: string) => consumers.find(({ consumerName }) => consumerName === name);
  checks.equal('consumers', consumers.length, served);
  checks.atLeast('backlog-of-the-paused', of('archive')?.pendingPositions, 1);
  const receivers = await itemsOf(`${adminUrl}/webhooks/destinations`);
  checks.equal('destinations', receivers.length, stage.destinations.length);
  checks.equal('destinations-paused', receivers.filter(({ status }) => status === 'paused').length, 1);
  checks.atLeast('events', (await itemsOf(`${adminUrl}/events`)).length, 10);

  checks.atLeast(
    'dead-letters',
    (await itemsOf(`${adminUrl}/dead-letters?consumer=notifications`)).length,
    1,
  );
  checks.atLeast('kinds-of-failure', (await itemsOf(`${adminUrl}/dead-letters/groups`)).length, 1);
  checks.equal('status-for-a-foreign-host', await statusFor(`${adminUrl}/overview`, 'demo.example'), 403);
  return checks;
}

// biome-ignore lint/suspicious/noExplicitAny: a check looks at what it expects
type Json = any;

async function answerOf(url: string): Promise<Json> {
  const response = await fetch(url);
  return response.ok ? response.json() : {};
}

async function itemsOf(url: string): Promise<Json[]> {
  return (await answerOf(url)).items ?? [];
}

/** What somebody gets whose request names another host. `fetch` sends no other than the one it calls. */
async function statusFor(url: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (response) => resolve(response.resume().statusCode ?? 0))
      .on('error', reject)
      .end();
  });
}
