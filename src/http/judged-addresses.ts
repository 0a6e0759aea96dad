import { isIP, isIPv4, type LookupFunction } from 'node:net';
import type { CheckedNetworkRules } from './network-rules.js';
import { askSystem, type ResolveName } from './resolve-names.js';

/** A request may not go to the address that a name leads to. Its message does not have the address. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
}

/** A name could not be resolved. */
export class NameUnresolved extends Error {
  override readonly name = 'NameUnresolved';

  constructor(readonly code: string) {
    super(`The name cannot be resolved (${code})`);
  }
}

/** The addresses that a connection to a host may be made to, each of them judged. */
export type JudgedAddresses = (host: string) => Promise<readonly string[]>;

/**
 * Judges addresses where a connection is made, and nowhere else:
 *
 * - Names are resolved once for each connection, and the connection is made to what was judged. So a name
 *   server that answers differently the next time has no second time.
 * - One address that is refused refuses the name. Otherwise a name with a public and an inner address would
 *   reach the inner one as soon as the other does not answer.
 * - A connection that is kept was judged when it was made, and goes where it went.
 * - Node asks nobody for a host that is an address, so such a host is judged by `refusedTarget`. It comes
 *   here for a proxy only, and is judged again.
 *
 * The message has no address: it is shown to tenants, who would read our inner names with it.
 */
export function judgedAddresses(rules: CheckedNetworkRules, resolve: ResolveName): JudgedAddresses {
  return async (host) => {
    const isAllowed = rules.allowsName(host);
    const found = isIP(host) === 0 ? await resolved(host, isAllowed ? askSystem : resolve) : [host];
    if (isAllowed) return found;
    const problem = found.map((address) => rules.problemOfAddress(address)).find(Boolean);
    if (problem !== undefined) throw new AddressRefused(`The name leads to an address that ${problem}`);
    return found;
  };
}

async function resolved(host: string, resolve: ResolveName): Promise<readonly string[]> {
  try {
    return await resolve(host);
  } catch (error) {
    throw new NameUnresolved(String((error as { code?: unknown }).code ?? 'unknown'));
  }
}

/** The same as the option `lookup` of a connection of Node. */
export function lookupOf(judged: JudgedAddresses): LookupFunction {
  return (host, { all }, done) => {
    judged(host).then(
      (addresses) => {
        const found = addresses.map((address) => ({ address, family: isIPv4(address) ? 4 : 6 }));
        const [first = { address: '', family: 4 }] = found;
        if (all) done(null, found);
        else done(null, first.address, first.family);
      },
      (error: Error) => done(error, []),
    );
  };
}
