export { type RabbitRelayOptions, rabbitRelay } from './rabbit-relay.js';
