/** What is used of a consumer of kafkajs 2. */
export interface ConsumerLike {
  connect(): Promise<void>;
  subscribe(subscription: { topics: string[]; fromBeginning: true }): Promise<void>;
  run(config: {
    autoCommit: false;
    eachBatchAutoResolve: false;
    eachBatch(given: GivenBatch): Promise<void>;
  }): Promise<void>;
  commitOffsets(offsets: { topic: string; partition: number; offset: string }[]): Promise<void>;
  disconnect(): Promise<void>;
  on(event: 'consumer.crash', listener: (event: CrashEvent) => void): unknown;
}

export interface CrashEvent {
  readonly payload: { readonly error: Error; readonly restart: boolean };
}

/** What the consumer gives with each batch, which is of one partition. */
export interface GivenBatch {
  readonly batch: {
    readonly topic: string;
    readonly partition: number;
    readonly messages: readonly KafkaMessageLike[];
  };
  resolveOffset(offset: string): void;
  heartbeat(): Promise<void>;
  isRunning(): boolean;
  isStale(): boolean;
}

export interface KafkaMessageLike {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly offset: string;
  readonly timestamp: string;
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
}
