/** What is used of the JetStreamClient of `@nats-io/jetstream` 3. */
export interface JetStreamLike {
  publish(
    subject: string,
    payload: Uint8Array | string,
    options: { msgID?: string; timeout?: number },
  ): Promise<{ readonly stream: string; readonly duplicate: boolean }>;
  jetstreamManager(): Promise<JetStreamManagerLike>;
}

export interface JetStreamManagerLike {
  readonly streams: {
    /** The name of the stream that takes this subject. It rejects if there is none. */
    find(subject: string): Promise<string>;
    info(stream: string): Promise<{ readonly config: { readonly duplicate_window: number } }>;
  };
}
