const QUERY = 'Q'.charCodeAt(0);
const EXECUTE = 'E'.charCodeAt(0);

/** Counts the statements that clients send to a server, from what goes over the wire. */
export class StatementCount {
  count = 0;

  /** For one connection: to be fed with all that its client sends. */
  readonly connection = (): ((data: Buffer) => void) => {
    let rest: Buffer = Buffer.alloc(0);
    // The first message of a connection has no type.
    let typed = 0;
    return (data) => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= typed + 4) {
        const length = typed + rest.readInt32BE(typed);
        if (rest.length < length) return;
        if (typed === 1 && (rest[0] === QUERY || rest[0] === EXECUTE)) this.count++;
        rest = rest.subarray(length);
        typed = 1;
      }
    };
  };
}
