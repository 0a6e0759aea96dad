/** AMQP has one byte for the length of the name of an exchange or a queue, of a routing key and of a type. */
export const LONGEST_BYTES = 255;
