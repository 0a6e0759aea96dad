/**
 * Cuts what goes over a connection into the messages of the protocol; to be fed with one direction of one connection.
 *
 * @param typed whether the first message has a type: the server's has, the client's has not.
 */
export function wireMessages(
  typed: boolean,
  receive: (type: string, body: Buffer) => void,
): (data: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let prefix = typed ? 1 : 0;
  return (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    while (rest.length >= prefix + 4) {
      const length = prefix + rest.readInt32BE(prefix);
      if (rest.length < length) return;
      if (prefix === 1) receive(String.fromCharCode(rest[0] ?? 0), rest.subarray(5, length));
      rest = rest.subarray(length);
      prefix = 1;
    }
  };
}

/** The texts of a body, each of which ends with a zero byte. */
export function textsOf(body: Buffer): string[] {
  return body.toString('utf8').split('\u0000');
}
