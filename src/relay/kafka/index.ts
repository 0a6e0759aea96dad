export type { KafkaSourceMessage } from './kafka-feed.js';
export { type KafkaRelayOptions, kafkaRelay } from './kafka-relay.js';
export { type KafkaSourceOptions, kafkaSource } from './kafka-source.js';
