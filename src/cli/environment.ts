import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

type Environment = Record<string, string | undefined>;

/**
 * The environment and the variables that the folder's `.env` adds. A variable that is already set stays as it
 * is. `${NAME}` in a value of the file stands for another variable, as in Prisma and `@nestjs/config`
 * (expandVariables).
 */
export function readEnvironment(folder: string, environment: Readonly<Environment>): Environment {
  const merged: Environment = { ...readDotenv(folder), ...environment };
  for (const name of Object.keys(merged)) {
    if (environment[name] === undefined) merged[name] = expand(merged[name] ?? '', merged);
  }
  return merged;
}

function readDotenv(folder: string): Environment {
  try {
    return parseEnv(readFileSync(join(folder, '.env'), 'utf8')) as Environment;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

function expand(value: string, environment: Environment): string {
  return value.replace(/\$\{(\w+)\}/g, (whole, name: string) => environment[name] ?? whole);
}
