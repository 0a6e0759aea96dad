// Generates the Prisma clients of the tests and the examples. Generation from a schema file needs no schema engine, but
// Prisma insists on finding one: node's own path satisfies it where the engine cannot be downloaded.
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';

const CLIENTS = [
  { schema: 'test/support/prisma/schema.prisma', output: 'test/generated/prisma/client.ts' },
  {
    schema: 'examples/activity-feed/prisma/schema.prisma',
    output: 'examples/activity-feed/src/generated/prisma/client.ts',
  },
  { schema: 'bench/prisma/schema.prisma', output: 'bench/generated/prisma/client.ts' },
];

for (const { schema, output } of CLIENTS) {
  if (!existsSync(schema)) continue;
  if (existsSync(output) && statSync(output).mtimeMs > statSync(schema).mtimeMs) continue;
  execFileSync(process.execPath, ['node_modules/prisma/build/index.js', 'generate', `--schema=${schema}`], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      PRISMA_SCHEMA_ENGINE_BINARY: process.env.PRISMA_SCHEMA_ENGINE_BINARY ?? process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      CHECKPOINT_DISABLE: '1',
    },
  });
}
