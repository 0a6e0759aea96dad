import { lookup, Resolver } from 'node:dns/promises';

/** The addresses of a host, at least one. Rejects with an error that has a `code`, as those of `node:dns`. */
export type ResolveName = (host: string) => Promise<readonly string[]>;

/** A name server is asked twice, so an answer is there after six seconds or never. */
const TRY_MS = 2_000;
const TRIES = 2;

/**
 * Asks name servers, without a thread. The system's own way takes one of four threads for up to half a
 * minute, and two at most are for names, so two tenants whose name servers are silent would hold up all
 * others, and the application's own database as well. It does not read the file of hosts, and it completes no
 * names.
 *
 * @param servers default: those of the system
 */
export function askNameServers(servers?: readonly string[]): ResolveName {
  const resolver = new Resolver({ timeout: TRY_MS, tries: TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  return async (host) => {
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const found = answers.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
    const [failed] = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
    if (found.length === 0) throw failed ?? noAddress();
    return found;
  };
}

/**
 * Names that the operator allowed are looked up as the system does it, because they may stand in its file of
 * hosts.
 */
export async function askSystem(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, order: 'verbatim' });
  if (found.length === 0) throw noAddress();
  return found.map(({ address }) => address);
}

function noAddress(): Error {
  return Object.assign(new Error('The name has no address'), { code: 'ENODATA' });
}
