// Runs the embedded Postgres for as long as somebody holds the other end of the channel, so that it stops with the demo however
// that ends.
import { once } from 'node:events';
import { startEmbeddedPostgres } from 'nestjs-integration/testing';

const parentGone = process.connected ? once(process, 'disconnect') : Promise.resolve();
const postgres = await startEmbeddedPostgres();
process.send?.(postgres.url, undefined, undefined, () => {});

await parentGone;
await postgres.stop();
process.exit(0);
