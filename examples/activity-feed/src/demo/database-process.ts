// Runs the embedded Postgres for as long as somebody holds the other end of the channel, so that it stops with the demo however
// that ends.
import { startEmbeddedPostgres } from 'nestjs-integration/testing';

const postgres = await startEmbeddedPostgres();
process.once('disconnect', () => {
  postgres.stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
process.send?.(postgres.url);
