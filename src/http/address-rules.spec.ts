import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { addressList, problemOfAddress } from './address-rules.js';

describe('an address that everybody can reach', () => {
  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '168.63.129.15',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2001:200::1',
    '2001:db7:ffff::1',
    '2a00:1450::1',
    '3fff:1000::1',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
    '2002:808:808::1',
  ])('is %s', (address) => {
    expect(problemOfAddress(address)).toBeUndefined();
  });
});

describe('an address that not everybody can reach', () => {
  it.each([
    ['0.0.0.0', 'this host'],
    ['0.255.255.255', 'this host'],
    ['10.0.0.0', 'private networks'],
    ['10.255.255.255', 'private networks'],
    ['100.64.0.0', 'networks of providers'],
    ['100.127.255.255', 'networks of providers'],
    ['127.0.0.0', 'this host'],
    ['127.255.255.255', 'this host'],
    ['168.63.129.16', 'the platform of a cloud'],
    ['169.254.169.254', 'the local link'],
    ['172.16.0.0', 'private networks'],
    ['172.31.255.255', 'private networks'],
    ['192.0.0.192', 'protocols'],
    ['192.0.2.1', 'documentation'],
    ['192.88.99.1', 'protocols'],
    ['192.168.255.255', 'private networks'],
    ['198.18.0.0', 'measurements'],
    ['198.19.255.255', 'measurements'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.0', 'networks to come'],
    ['255.255.255.255', 'networks to come'],
    ['::', 'this host'],
    ['::1', 'this host'],
    ['::7f00:1', 'networks to come'],
    ['::ffff:0:127.0.0.1', 'networks to come'],
    ['64:ff9b:1::127.0.0.1', 'networks to come'],
    ['100::1', 'networks to come'],
    ['2001::', 'this host'],
    ['2001:2::1', 'protocols'],
    ['2001:20::1', 'protocols'],
    ['2001:1ff:ffff::1', 'protocols'],
    ['2001:db8::1', 'documentation'],
    ['2620:4f:8000::1', 'protocols'],
    ['3ffe::1', 'networks to come'],
    ['3fff:fff::1', 'documentation'],
    ['4000::1', 'networks to come'],
    ['5f00::1', 'networks to come'],
    ['fc00::1', 'private networks'],
    ['fd00:ec2::254', 'private networks'],
    ['fe80::1', 'the local link'],
    ['febf::1', 'the local link'],
    ['fec0::1', 'private networks'],
    ['ff02::1', 'multicast'],
  ])('is %s, of %s', (address, range) => {
    expect(problemOfAddress(address)).toMatch(new RegExp(`is reserved for ${range}$`));
  });

  it.each(['fe80::1%eth0', '2606:4700::1%1', 'localhost', '', '1.2.3', '0x7f.0.0.1', '[::1]'])(
    'is no address at all: %j',
    (text) => {
      expect(problemOfAddress(text)).toBe('is no address that everybody can reach');
    },
  );

  it.each([
    ['::ffff:10.0.0.1', 'mapped'],
    ['::ffff:7f00:1', 'mapped'],
    ['64:ff9b::a00:1', 'NAT64'],
    ['64:ff9b::169.254.169.254', 'NAT64'],
    ['2002:a00:1::1', '6to4'],
    ['2002:7f00:1::', '6to4'],
    // The server is public and the client is not, and the other way round.
    ['2001:0:808:808::f5ff:fffe', 'Teredo'],
    ['2001:0:a00:1::f7f7:f7f7', 'Teredo'],
  ])('stands for one of IPv4: %s', (address, form) => {
    expect(problemOfAddress(address)).toMatch(`stands for an IPv4 address (${form}) that is reserved for`);
  });

  it('is any that stands for one by IPv4, whichever of the forms it has', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (bits) => {
        const [high, low] = [bits >>> 16, bits & 0xffff];
        const text = [high >> 8, high & 255, low >> 8, low & 255].join('.');
        const hex = (group: number) => group.toString(16);
        const plain = problemOfAddress(text) !== undefined;
        const forms = [
          `::ffff:${text}`,
          `64:ff9b::${hex(high)}:${hex(low)}`,
          `2002:${hex(high)}:${hex(low)}::1`,
          `2001:0:${hex(high)}:${hex(low)}::f7f7:f7f7`,
          `2001:0:808:808::${hex(high ^ 0xffff)}:${hex(low ^ 0xffff)}`,
        ];
        expect(forms.map((form) => problemOfAddress(form) !== undefined)).toEqual(forms.map(() => plain));
      }),
    );
  });
});

describe('allowed addresses', () => {
  const allowed = addressList(['10.1.0.0/16', '127.0.0.1', 'fd00:7::/32', '::1']);

  it.each(['10.1.2.3', '127.0.0.1', '::ffff:10.1.2.3', '64:ff9b::10.1.2.3', 'fd00:7::1', '::1'])(
    'pass in each of their forms: %s',
    (address) => {
      expect(problemOfAddress(address, allowed)).toBeUndefined();
    },
  );

  it.each(['10.2.0.1', '127.0.0.2', 'fd00:8::1', '::ffff:10.2.0.1', '::2'])(
    'say nothing of their neighbours: %s',
    (address) => {
      expect(problemOfAddress(address, allowed)).toBeDefined();
    },
  );
});
