export { type NatsRelayOptions, natsRelay } from './nats-relay.js';
