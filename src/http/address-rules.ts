import { BlockList, isIP, isIPv4 } from 'node:net';

/**
 * Ranges that are not reachable from everywhere, by the registries of special-purpose addresses that the IANA
 * keeps, with what they are called. The first one that fits is named. docs/decisions/0130
 */
const SPECIAL_IPV4: readonly (readonly [range: string, name: string])[] = [
  ['0.0.0.0/8', 'this host'],
  ['10.0.0.0/8', 'private networks'],
  ['100.64.0.0/10', 'networks of providers'],
  ['127.0.0.0/8', 'this host'],
  // Metadata of most clouds, with the credentials of the machine.
  ['169.254.0.0/16', 'the local link'],
  // Azure answers its machines here. The registries do not know it.
  ['168.63.129.16/32', 'the platform of a cloud'],
  ['172.16.0.0/12', 'private networks'],
  ['192.0.0.0/24', 'protocols'],
  ['192.0.2.0/24', 'documentation'],
  ['192.31.196.0/24', 'protocols'],
  ['192.52.193.0/24', 'protocols'],
  ['192.88.99.0/24', 'protocols'],
  ['192.168.0.0/16', 'private networks'],
  ['192.175.48.0/24', 'protocols'],
  ['198.18.0.0/15', 'measurements'],
  ['198.51.100.0/24', 'documentation'],
  ['203.0.113.0/24', 'documentation'],
  ['224.0.0.0/4', 'multicast'],
  ['240.0.0.0/4', 'networks to come'],
];

const SPECIAL_IPV6: readonly (readonly [range: string, name: string])[] = [
  ['::/127', 'this host'],
  ['fc00::/7', 'private networks'],
  ['fe80::/10', 'the local link'],
  ['fec0::/10', 'private networks'],
  ['ff00::/8', 'multicast'],
  ['2001::/23', 'protocols'],
  ['2001:db8::/32', 'documentation'],
  ['2002::/16', 'protocols'],
  ['2620:4f:8000::/48', 'protocols'],
  ['3ffe::/16', 'networks to come'],
  ['3fff::/20', 'documentation'],
];
/**
 * All that the IANA has given to networks so far. What lies outside is refused, whatever it may be one day.
 */
const GIVEN_IPV6 = '2000::/3';

const special = [...SPECIAL_IPV4, ...SPECIAL_IPV6].map(([range, name]) => ({
  list: addressList([range]),
  name,
}));
const given = addressList([GIVEN_IPV6]);

/**
 * Why nobody may be sent to an address, as the end of a sentence that begins with it: `is reserved for
 * private networks`. Undefined if it is a unicast address that can be reached from everywhere, or one of
 * `allowed`. An IPv6 address that stands for IPv4 addresses is judged by them.
 *
 * @param address as it is after a resolution: canonical, without brackets
 */
export function problemOfAddress(address: string, allowed?: BlockList): string | undefined {
  // Only addresses of the local link need a zone.
  if (isIP(address) === 0 || address.includes('%')) return 'is no address that everybody can reach';
  if (allowed !== undefined && isIn(allowed, address)) return undefined;
  const form = isIPv4(address) ? undefined : formOf(groupsOf(address));
  if (form === undefined) return problemOfRange(address);
  const problem = form.inside.map((each) => problemOfAddress(each, allowed)).find(Boolean);
  return problem === undefined ? undefined : `stands for an IPv4 address (${form.name}) that ${problem}`;
}

function problemOfRange(address: string): string | undefined {
  const found = special.find(({ list }) => isIn(list, address));
  if (found !== undefined) return `is reserved for ${found.name}`;
  return isIPv4(address) || isIn(given, address) ? undefined : 'is reserved for networks to come';
}

/** The ranges of a list. A single address is a range of its own. */
export function addressList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** How an IPv6 address stands for IPv4 addresses, and for which. */
interface EmbeddedForm {
  readonly name: string;
  readonly inside: readonly string[];
}

function formOf(groups: readonly number[]): EmbeddedForm | undefined {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups;
  if (a + b + c + d + e === 0 && f === 0xffff) return { name: 'mapped', inside: [ipv4Of(g, h)] };
  if (a === 0x64 && b === 0xff9b && c + d + e + f === 0) return { name: 'NAT64', inside: [ipv4Of(g, h)] };
  if (a === 0x2002) return { name: '6to4', inside: [ipv4Of(b, c)] };
  // The address of the server, and that of the client with all its bits turned.
  if (a === 0x2001 && b === 0)
    return { name: 'Teredo', inside: [ipv4Of(c, d), ipv4Of(g ^ 0xffff, h ^ 0xffff)] };
  return undefined;
}

function ipv4Of(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

/** The eight groups of an IPv6 address. The URL parser writes IPv4 at the end in hexadecimal digits. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const numbers = (text: string) =>
    text === '' ? [] : text.split(':').map((each) => Number.parseInt(each, 16));
  const [before, after] = [numbers(head), numbers(tail ?? '')];
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}
