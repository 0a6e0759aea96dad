/** A record as a producer takes it. */
export interface KafkaRecord {
  readonly key: string;
  /** Null is a tombstone. */
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface KafkaBatch {
  readonly acks: number;
  readonly timeout: number;
  readonly topicMessages: { readonly topic: string; readonly messages: KafkaRecord[] }[];
}

/** What is used of the producer of kafkajs 2, and of `KafkaJS` of `@confluentinc/kafka-javascript` 1. */
export interface ProducerLike {
  send(record: object): Promise<unknown>;
  sendBatch(batch: object): Promise<unknown>;
}
