export { type NatsRelayOptions, natsRelay } from './nats-relay.js';
export { type NatsSourceMessage, type NatsSourceOptions, natsSource } from './nats-source.js';
