import { IntegrationError } from '../../errors.js';

/** What the code of a connector has thrown. The errors of this package have no secrets, and others may. */
export function reasonOfThrown(error: unknown, what: string): string {
  if (error instanceof IntegrationError) return error.message;
  const { name } = Object(error) as { name?: unknown };
  return `${what} of its connector has thrown ${typeof name === 'string' ? name.slice(0, 100) : 'an error'}`;
}
