// Operations over graphql-ws, as it is used by itself.
import { obey, say, told } from './lines.mjs';
import { client, resuming } from './socket.mjs';

const ends = new Map();

const sink = (name) => ({
  next: (result) => say({ name, next: result }),
  error: (error) => say({ name, error: told(error) }),
  complete: () => say({ name, complete: true }),
});

obey({
  subscribe({ name, query, variables = {}, resume = false }) {
    const own = resume ? resuming(variables, sink(name)) : sink(name);
    ends.set(name, client.subscribe({ query, variables }, own));
  },
  unsubscribe: ({ name }) => ends.get(name)(),
  dispose: () => client.dispose(),
});
