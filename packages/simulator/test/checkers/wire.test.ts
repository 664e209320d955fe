import { expect } from 'chai';
import { WireChecker } from '../../src/checkers/wire.js';
import type { Socket } from '../../src/world/socket.js';

function frame(number: number, { epoch = 1, to = 1 } = {}): Buffer {
  const bytes = Buffer.alloc(40);
  bytes.writeUInt32BE(36, 0);
  bytes[8] = 17;
  bytes.writeUInt32BE(epoch, 9);
  bytes.writeUInt32BE(1, 13);
  bytes.writeUInt32BE(to, 17);
  bytes.writeUInt32BE(number, 29);
  return bytes;
}

function connection(): Socket {
  const end = (name: string, host: number) => ({ process: { name, host, life: host }, channel: 'data' });
  return { ...end('a', 0), peer: end('b', 1) } as unknown as Socket;
}

function found(say: (checker: WireChecker) => void): string[] {
  const texts: string[] = [];
  say(new WireChecker(({ text }) => texts.push(text)));
  return texts;
}

describe('the checker of the wire', () => {
  it('has nothing against frames that follow each other, over several connections', () => {
    expect(
      found(({ see }) => {
        const [one, two] = [connection(), connection()];
        see(one, Buffer.concat([frame(1), frame(2)]), true);
        see(two, Buffer.concat([frame(2), frame(3)]), true);
      }),
    ).to.deep.equal([]);
  });

  it('finds gaps, repeats, and frames that were left out between two connections', () => {
    expect(
      found(({ see }) => {
        const one = connection();
        for (const number of [1, 3, 3]) see(one, frame(number), true);
      }),
    ).to.have.length(3);
    expect(
      found(({ see }) => {
        see(connection(), frame(1), true);
        see(connection(), frame(3), true);
      }),
    ).to.have.length(1);
  });

  it('finds a connection that changes its epoch or its incarnations', () => {
    for (const other of [{ epoch: 2 }, { to: 2 }]) {
      expect(
        found(({ see }) => {
          const one = connection();
          see(one, frame(1), true);
          see(one, frame(2, other), true);
        })[0],
      ).to.match(/changed from/);
    }
  });

  it('finds bytes that are no whole frames, unless a process died while it wrote them', () => {
    expect(found(({ see }) => see(connection(), frame(1).subarray(0, 20), true))).to.have.length(1);
    expect(found(({ see }) => see(connection(), frame(1).subarray(0, 20), false))).to.have.length(0);
  });
});
