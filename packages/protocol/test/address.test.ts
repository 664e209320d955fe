import { expect } from 'chai';
import fc from 'fast-check';
import { AddressFormatError, formatAddress, parseAddress } from '../src/index.js';

describe('addresses', () => {
  const readable: readonly [text: string, host: string, port: number][] = [
    ['127.0.0.1:7010', '127.0.0.1', 7010],
    ['localhost:0', 'localhost', 0],
    [':5050', '', 5050],
    ['[::1]:65535', '::1', 65535],
    ['[::ffff:10.0.0.1]:1', '::ffff:10.0.0.1', 1],
  ];
  for (const [text, host, port] of readable) {
    it(`reads ${text} and writes it the same way`, () => {
      expect(parseAddress(text)).to.deep.equal({ host, port });
      expect(formatAddress({ host, port })).to.equal(text);
    });
  }

  const unreadable: readonly [text: string, why: RegExp][] = [
    ['', /there is no colon/],
    ['localhost', /there is no colon/],
    ['localhost:', /'' is no port number/],
    ['localhost:http', /'http' is no port number/],
    ['localhost:65536', /'65536' is no port number/],
    ['localhost:-1', /'-1' is no port number/],
    ['localhost:1.5', /'1.5' is no port number/],
    ['localhost: 80', /' 80' is no port number/],
    ['::1:80', /an IPv6 number needs brackets/],
  ];
  for (const [text, why] of unreadable) {
    it(`refuses '${text}' and says how to write it`, () => {
      expect(() => parseAddress(text))
        .to.throw(AddressFormatError, why)
        .with.property('text', text);
      expect(() => parseAddress(text)).to.throw(/Write HOST:PORT/);
    });
  }

  it('writes what it reads back as the same address', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.constant(''));
    fc.assert(
      fc.property(host, fc.integer({ min: 0, max: 65535 }), (someHost, port) => {
        expect(parseAddress(formatAddress({ host: someHost, port }))).to.deep.equal({ host: someHost, port });
      }),
    );
  });
});
