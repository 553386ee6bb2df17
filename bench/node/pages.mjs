// The peers of `bench.pages`: `node pages.mjs yoga|mercurius|mercurius-jit SCHEMA ROWS`. One schema and the same
// rows for each; its port is the first line on stdout, and it ends with its stdin.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import fastify from 'fastify';
import { buildSchema } from 'graphql';
import { createYoga } from 'graphql-yoga';
import mercurius from 'mercurius';

const [name, schemaFile, rowsFile] = process.argv.slice(2);
const isMoment = (key, value) => key.endsWith('At') && value !== null;
const rows = JSON.parse(readFileSync(rowsFile), (key, value) => (isMoment(key, value) ? new Date(value) : value));

const schema = buildSchema(readFileSync(schemaFile, 'utf8'));
// As Python writes a moment, so that the answers are the same to the byte.
schema.getType('DateTime').serialize = (moment) => `${moment.toISOString().slice(0, -1)}000+00:00`;
const fields = schema.getQueryType().getFields();
fields.hello.resolve = () => 'world';
fields.jobs.resolve = async () => rows.jobs;
fields.files.resolve = async () => rows.files;

const servers = {
  yoga: () => {
    const server = createServer(createYoga({ schema, graphiql: false, landingPage: false, logging: false }));
    server.listen(0, '127.0.0.1', () => console.log(server.address().port));
  },
  mercurius: (options = {}) => {
    const server = fastify();
    server.register(mercurius, { schema, ...options });
    server.listen({ port: 0, host: '127.0.0.1' }).then(() => console.log(server.server.address().port));
  },
  'mercurius-jit': () => servers.mercurius({ jit: 1 }),
};
servers[name]();
process.stdin.resume().on('end', () => process.exit());
