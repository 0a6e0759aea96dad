import { messageOf } from '../../errors.js';
import type { RelayBoot } from './relay-definition.js';

/** The client of the host, once it is known to have the shape that the relay needs. */
export class HeldClient<Client> {
  private held: Promise<Client> | undefined;

  constructor(
    private readonly given: unknown,
    private readonly find: RelayBoot['find'],
    first: Client,
  ) {
    this.held = Promise.resolve(first);
  }

  get(): Promise<Client> {
    this.held ??= this.find(this.given) as Promise<Client>;
    return this.held;
  }

  /**
   * Returns the client, and holds it no more. Whoever takes it uses it up. A function is asked again for the
   * next one.
   */
  take(): Promise<Client> {
    const taken = this.get();
    this.letGo();
    return taken;
  }

  /** The client may be of no use any more. A function is asked again, because it may return another one. */
  letGo(): void {
    if (typeof this.given === 'function') this.held = undefined;
  }
}

/** What a client is known by. */
interface ClientShape<Client> {
  readonly is: string;
  readonly functions: readonly (keyof Client & string)[];
  /** What npm installs for such a client, with its version. */
  readonly install: string;
}

/**
 * Finds the client of the host. Undefined after a problem: the client is not there, or functions of its shape
 * are missing.
 */
export async function openClient<Client>(
  { find, problem }: RelayBoot,
  option: string,
  given: unknown,
  shape: ClientShape<Client>,
): Promise<HeldClient<Client> | undefined> {
  if (given === undefined || given === null) {
    problem(
      `${option} is missing: give ${shape.is}, a function that returns it, or its token. ${toInstall(shape)}`,
    );
    return undefined;
  }
  let client: unknown;
  try {
    client = await find(given);
  } catch (error) {
    const hint = isMissingPackage(error) ? `. ${toInstall(shape)}` : '';
    problem(`${option} was not found: ${messageOf(error)}${hint}`);
    return undefined;
  }
  const missing = shape.functions.filter(
    (name) => typeof (client as Record<string, unknown> | null | undefined)?.[name] !== 'function',
  );
  if (missing.length === 0) return new HeldClient<Client>(given, find, client as Client);
  const lacks = missing.map((name) => `${name}()`).join(' and ');
  problem(`${option} must be ${shape.is}: it has no ${lacks}; given was ${nameOf(client)}`);
  return undefined;
}

function toInstall({ install }: Pick<ClientShape<unknown>, 'install'>): string {
  return `If the library is not installed: npm install ${install}`;
}

/** A function of the host may import the library. */
function isMissingPackage(error: unknown): boolean {
  const { code } = Object(error) as { code?: unknown };
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}

/** What somebody gave, without its contents, which may have credentials. */
function nameOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : `a ${typeof value}`;
  const { constructor: made } = value as { constructor?: { name?: unknown } };
  const name = typeof made?.name === 'string' && made.name !== '' ? made.name : 'Object';
  return `an object of the class ${name}`;
}
