// The peer of `bench.fanout`: one subscription over graphql-ws. Its port is the first line on stdout. Each line
// "id message" on stdin is published; a line on stdout says when, in nanoseconds of the monotonic clock. It ends
// with its stdin.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { buildSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

const subscribers = new Map(); // id -> the subscriptions to it
const update = (message) => ({ status: 'PROCESSING', progress: 50, message, at: new Date().toISOString() });

// Written by hand: it keeps less for each socket, and does less for each event, than `on()` of node:events.
class Changes {
  #id;
  #waiting = [null]; // the job as it is now
  #wake = null;

  constructor(id) {
    this.#id = id;
    if (!subscribers.has(id)) subscribers.set(id, new Set());
    subscribers.get(id).add(this);
  }
  [Symbol.asyncIterator]() {
    return this;
  }
  tell(message) {
    if (this.#wake === null) {
      this.#waiting.push(message);
      return;
    }
    const wake = this.#wake;
    this.#wake = null;
    wake({ done: false, value: { jobUpdates: update(message) } });
  }
  next() {
    if (this.#waiting.length > 0) {
      return Promise.resolve({ done: false, value: { jobUpdates: update(this.#waiting.shift()) } });
    }
    return new Promise((resolve) => (this.#wake = resolve));
  }
  return() {
    subscribers.get(this.#id)?.delete(this);
    this.#wake?.({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }
}

const schema = buildSchema(`
  type Query { ok: Boolean }
  type JobUpdate { status: String! progress: Float! message: String at: String! }
  type Subscription { jobUpdates(id: ID!): JobUpdate! }
`);
schema.getSubscriptionType().getFields().jobUpdates.subscribe = (_, { id }) => new Changes(id);

const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end('{"status":"healthy"}');
});
useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }));
server.listen(0, '127.0.0.1', 2048, () => console.log(server.address().port));

const lines = createInterface({ input: process.stdin });
lines.on('close', () => process.exit());
lines.on('line', (line) => {
  const [id, message] = line.split(' ');
  const now = process.hrtime.bigint();
  for (const one of subscribers.get(id) ?? []) one.tell(message);
  console.log(now.toString());
});
