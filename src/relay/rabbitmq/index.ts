export type { RabbitSourceMessage } from './rabbit-queue.js';
export { type RabbitRelayOptions, rabbitRelay } from './rabbit-relay.js';
export { type RabbitSourceOptions, rabbitSource } from './rabbit-source.js';
