// The peer of `bench.fanout`: one subscription over graphql-ws, as its documentation shows it.
// Its port is the first line on stdout. Each line "id message" on stdin is published; a line on stdout says when,
// in nanoseconds of the monotonic clock. It ends with its stdin.
import { EventEmitter, on } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { buildSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';

const changes = new EventEmitter();
changes.setMaxListeners(0);
const update = (message) => ({ status: 'PROCESSING', progress: 50, message, at: new Date().toISOString() });

const schema = buildSchema(`
  type Query { ok: Boolean }
  type JobUpdate { status: String! progress: Float! message: String at: String! }
  type Subscription { jobUpdates(id: ID!): JobUpdate! }
`);
schema.getSubscriptionType().getFields().jobUpdates.subscribe = async function* (_, { id }) {
  const told = on(changes, id);
  yield { jobUpdates: update(null) }; // the job as it is now
  for await (const [message] of told) yield { jobUpdates: update(message) };
};

const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end('{"status":"healthy"}');
});
useServer({ schema }, new WebSocketServer({ server, path: '/graphql' }));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));

const lines = createInterface({ input: process.stdin });
lines.on('close', () => process.exit());
lines.on('line', (line) => {
  const [id, message] = line.split(' ');
  const now = process.hrtime.bigint();
  changes.emit(id, message);
  console.log(now.toString());
});
