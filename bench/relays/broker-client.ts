import type { RelayDefinition, SourceDefinition } from 'nestjs-integration/relay';
import { DATA } from '../outgoing/clients.js';

/** One broker: by a relay and a source of the package, and by its own client, written by hand. */
export interface BrokerClient {
  readonly relay: RelayDefinition;
  /** Undefined where only the relay is measured. */
  readonly source: SourceDefinition | undefined;
  /** Sends messages at once, and resolves when the broker has accepted them. */
  send(messages: readonly ByHand[]): Promise<unknown>;
  /** The most messages that `send` is given at once. */
  readonly atOnce: number;
  /**
   * Takes messages until `store` says that it was enough. `store` gets the messages of a pull, which are acknowledged
   * when it has resolved.
   */
  loop(store: (messages: readonly Taken[]) => Promise<{ enough: boolean }>): Promise<void>;
  purge(): Promise<void>;
  close(): Promise<void>;
}

/**
 * What is stored of a message by somebody who writes that by hand: its attributes, and its data as text. They
 * are what a source stores of it.
 */
export interface Taken {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly version: number;
  readonly data: string;
}

/** The `source` of all messages, of the relay and by hand. */
export const SOURCE = '/bench';

/** A CloudEvent, by somebody who writes it by hand. It has all attributes that the relay gives it. */
export interface ByHand {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: string;
}

export function byHand(n: number, id: string): ByHand {
  const key = `invoice/i${n % 5_000}`;
  const type = 'invoice.created';
  return {
    id,
    type,
    key,
    attributes: {
      specversion: '1.0',
      id,
      source: SOURCE,
      type,
      subject: key,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      partitionkey: key,
      sequence: String(n).padStart(19, '0'),
      eventversion: '1',
    },
    data: DATA,
  };
}

/** The content type has a place of its own. */
export function headersOf({ attributes }: ByHand, prefix: string): Record<string, string> {
  const { datacontenttype: _, ...others } = attributes;
  return Object.fromEntries(Object.entries(others).map(([name, value]) => [`${prefix}${name}`, value]));
}
