export { type KafkaRelayOptions, kafkaRelay } from './kafka-relay.js';
