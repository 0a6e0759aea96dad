import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import * as tls from 'node:tls';
import { IntegrationError } from '../errors.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { addressList, problemOfAddress } from './address-rules.js';

/**
 * Where requests that leave the application may go. Without rules they go by https to addresses that can be
 * reached from everywhere. These are options of modules and never settings, so that an admin cannot open the
 * internal network.
 */
export interface NetworkRules {
  /**
   * What may be reached although it is not reachable from everywhere: addresses (`10.1.2.3`, `fd00::7`),
   * ranges (`10.0.0.0/8`, `fd00::/8`), and names of hosts. An address or a range holds for every name that
   * leads to it. A name (`hooks.internal`, without a star) holds for itself alone, may lead to any address,
   * and is looked up as the system does, with its file of hosts. It takes nothing away: all others stay
   * reachable.
   */
  readonly allow?: readonly string[] | undefined;
  /** Whether `http:` is allowed besides `https:`. Default: false. */
  readonly http?: boolean | undefined;
  /**
   * The only ports that may be reached. Default: 443, with `http` also 80, and every port from 1024 on. Lower
   * ports belong to well-known services, such as mail, that have nothing to do with HTTP.
   */
  readonly ports?: readonly number[] | undefined;
  /** Certificates in PEM of authorities that are trusted besides those of Node. */
  readonly ca?: string | Buffer | undefined;
  /**
   * The URL of a proxy, `http://user:password@proxy.example:3128` or `https:`. It is asked to CONNECT to the
   * address that was judged here, for `http:` as well, so it needs no names, and this process must be able to
   * look names up.
   */
  readonly proxy?: string | undefined;
}

/** Network rules after their checks. */
export interface CheckedNetworkRules {
  readonly http: boolean;
  readonly proxy: URL | undefined;
  /** All authorities that are trusted. Undefined for those of Node. */
  readonly ca: readonly (string | Buffer)[] | undefined;
  /** Whether a host is allowed by its name. */
  allowsName(host: string): boolean;
  /** As `problemOfAddress`, for an address in its canonical form. */
  problemOfAddress(address: string): string | undefined;
  allowsPort(port: number): boolean;
}

/** The compiler reports an error here if a rule is missing. */
const NAMES: { readonly [K in keyof Required<NetworkRules>]: true } = {
  allow: true,
  http: true,
  ports: true,
  ca: true,
  proxy: true,
};
/** Below it are the ports of well-known services. */
const FIRST_FREE_PORT = 1_024;
const LAST_PORT = 65_535;

/**
 * @param given as somebody wrote them
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`)
 */
export function checkNetworkRules(given: NetworkRules = {}): CheckedNetworkRules {
  const problems = problemsOfNetworkRules(given);
  if (problems.length > 0)
    throw new IntegrationError(
      'INTEGRATION_OPTIONS_INVALID',
      `The rules of the network are not valid: ${problems.join('; ')}`,
      { problems },
    );
  const { allow = [], http = false, ports, ca, proxy } = given;
  const allowed = addressList(allow.filter((each) => isRange(each)));
  const names = new Set(allow.filter((each) => !isRange(each)).map(plainHost));
  return {
    http,
    proxy: proxy === undefined ? undefined : new URL(proxy),
    ca: ca === undefined ? undefined : [...authoritiesOfNode(), ca],
    allowsName: (host) => names.has(host),
    problemOfAddress: (address) => problemOf(address, allowed),
    allowsPort: (port) =>
      ports?.includes(port) ?? (port >= FIRST_FREE_PORT || port === 443 || (http && port === 80)),
  };
}

function problemOf(address: string, allowed: BlockList): string | undefined {
  return problemOfAddress(address, allowed);
}

/** A sentence for each rule that cannot be kept. `prefix` stands before their names (`outgoing.network.`). */
export function problemsOfNetworkRules(given: NetworkRules, prefix = ''): string[] {
  const unknown: unknown = given;
  if (typeof unknown !== 'object' || unknown === null)
    return [`${prefix.replace(/\.$/, '') || 'the rules of the network'} must be an object`];
  const { allow, http, ports, ca, proxy } = given;
  return [
    ...problemsOfUnknownNames(given, { known: Object.keys(NAMES), kind: 'a rule of the network', prefix }),
    ...(allow === undefined ? [] : problemsOfAllowed(allow, prefix)),
    ...(http === undefined || typeof http === 'boolean' ? [] : [`${prefix}http must be true or false`]),
    ...(ports === undefined || isListOfPorts(ports)
      ? []
      : [`${prefix}ports must be a list of numbers from 1 to ${LAST_PORT}, with at least one`]),
    ...(ca === undefined ? [] : problemsOfAuthorities(ca, prefix)),
    ...(proxy === undefined || isProxy(proxy)
      ? []
      : [`${prefix}proxy must be a URL such as http://user:password@proxy.example:3128, without a path`]),
  ];
}

function problemsOfAllowed(allow: unknown, prefix: string): string[] {
  if (!Array.isArray(allow) || !allow.every((each): each is string => typeof each === 'string'))
    return [`${prefix}allow must be a list of texts`];
  return allow.flatMap((each) => {
    const problem = problemOfAllowed(each);
    return problem === undefined ? [] : [`${prefix}allow has ${JSON.stringify(each)}, ${problem}`];
  });
}

function problemOfAllowed(entry: string): string | undefined {
  if (isRange(entry)) {
    if (entry.includes('%')) return 'an address with a zone, which cannot be reached from here';
    return /^(?:::ffff:|64:ff9b::)/i.test(entry) ? 'which stands for IPv4: write that instead' : undefined;
  }
  if (/^[\d.]+(?:\/.*)?$/.test(entry) || entry.includes(':') || entry.includes('/'))
    return 'which is neither an address, nor a range such as 10.0.0.0/8, nor the name of a host';
  if (entry.includes('*')) return 'a pattern: names are written one by one';
  return isPlainHost(entry)
    ? undefined
    : 'which is not the name of a host (without a scheme, a port and a path)';
}

/** Whether a text is an address, or a range of addresses as CIDR writes it. */
function isRange(entry: string): boolean {
  const [address = '', bits, ...more] = entry.split('/');
  if (isIP(address) === 0 || more.length > 0) return false;
  if (bits === undefined) return true;
  return (
    /^(?:0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128) && !entry.includes('%')
  );
}

function isPlainHost(text: string): boolean {
  if (!/^[^\s/?#@:[\]\\%]+$/.test(text) || !URL.canParse(`http://${text}`)) return false;
  // The URL parser makes an address of 0x7f.1, which is no name.
  return isIP(plainHost(text)) === 0;
}

/** A host as the parser of URLs writes it, without the dot that a complete name may end with. */
function plainHost(text: string): string {
  return hostOf(new URL(`http://${text}`));
}

/** The host of a URL as a resolution takes it: without brackets, and without the dot at its end. */
export function hostOf({ hostname }: URL): string {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIPv6(bare) ? bare : bare.replace(/\.$/, '');
}

function isListOfPorts(ports: unknown): boolean {
  return (
    Array.isArray(ports) &&
    ports.length > 0 &&
    ports.every((port) => Number.isInteger(port) && port >= 1 && port <= LAST_PORT)
  );
}

function isProxy(proxy: unknown): boolean {
  if (typeof proxy !== 'string' || !URL.canParse(proxy)) return false;
  const { protocol, pathname, search, hash } = new URL(proxy);
  return /^https?:$/.test(protocol) && pathname === '/' && search === '' && hash === '';
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function problemsOfAuthorities(ca: unknown, prefix: string): string[] {
  const found =
    typeof ca === 'string' || Buffer.isBuffer(ca) ? (ca.toString('utf8').match(CERTIFICATE) ?? []) : [];
  if (found.length === 0) return [`${prefix}ca must have certificates in PEM, not the name of a file`];
  return found.every(isCertificate) ? [] : [`${prefix}ca has a certificate that cannot be read`];
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/**
 * What Node trusts by itself. A list of one's own takes its place, so it has to be repeated. Node 20 does not
 * tell which certificates NODE_EXTRA_CA_CERTS has added.
 */
function authoritiesOfNode(): readonly (string | Buffer)[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };
  if (getCACertificates !== undefined) return getCACertificates('default');
  const file = process.env.NODE_EXTRA_CA_CERTS;
  return [...tls.rootCertificates, ...(file === undefined ? [] : readIfThere(file))];
}

/** Node goes on without a file that is not there, after a warning. */
function readIfThere(file: string): Buffer[] {
  try {
    return [readFileSync(file)];
  } catch {
    return [];
  }
}
