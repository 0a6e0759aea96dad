/** What is used of a client of `ClientsModule` of @nestjs/microservices. */
export interface ClientProxyLike {
  emit(pattern: unknown, data: unknown): { subscribe(observer: Observer): unknown };
}

interface Observer {
  readonly error: (error: unknown) => void;
  readonly complete: () => void;
}

export type ClientKind = 'kafka' | 'rabbitmq';

/** The classes that wait until the broker has accepted a message. */
const ACCEPTING: Readonly<Record<string, ClientKind>> = { ClientKafka: 'kafka', ClientRMQ: 'rabbitmq' };
/** What to use in the place of classes that send without an acceptance. */
const INSTEAD: Readonly<Record<string, string>> = {
  ClientNats: 'natsRelay of nestjs-integration/relay/nats, which waits for JetStream',
  ClientRedis: 'relay of nestjs-integration/relay, whose publish adds to a stream of Redis (XADD)',
  ClientTCP:
    'relay of nestjs-integration/relay, whose publish waits for an answer (send in the place of emit)',
  ClientGrpcProxy:
    'relay of nestjs-integration/relay, whose publish calls the method and waits for its answer',
  ClientMqtt: 'relay of nestjs-integration/relay, whose publish waits for the acknowledgement (QoS 1)',
};

/** The kind of the client, or what is wrong with it. */
export function kindOf(client: object): { readonly kind: ClientKind } | { readonly problem: string } {
  const names = classesOf(client);
  for (const name of names) {
    const kind = ACCEPTING[name];
    if (kind !== undefined) return acknowledges(client, kind);
    const instead = INSTEAD[name];
    if (instead !== undefined)
      return {
        problem: `client is a ${name}, which sends without an acceptance, so messages could be lost. Use ${instead}`,
      };
  }
  return {
    problem: `client is a ${names[0] ?? 'thing without a class'}, and not a ClientKafka or ClientRMQ. Use relay of nestjs-integration/relay`,
  };
}

/** Options of the client can switch the acceptance off. */
function acknowledges(client: object, kind: ClientKind): { kind: ClientKind } | { problem: string } {
  const { options } = client as { options?: { send?: { acks?: unknown } } };
  const acks = options?.send?.acks;
  if (kind === 'kafka' && acks !== undefined && acks !== -1)
    return {
      problem: `client is a ClientKafka with send.acks ${String(acks)}: leave acks out, so that all replicas accept`,
    };
  return { kind };
}

/** The names of the classes of an object, its own first. */
function classesOf(client: object): string[] {
  const names: string[] = [];
  let prototype: unknown = Object.getPrototypeOf(client);
  while (prototype !== null && prototype !== Object.prototype) {
    names.push((prototype as object).constructor.name);
    prototype = Object.getPrototypeOf(prototype);
  }
  return names;
}
