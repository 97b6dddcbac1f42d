// graphql-yoga on node:http, with dataloaders for each request; `yoga.mjs jit` compiles queries.

import { createServer } from 'node:http'
import { useGraphQlJit } from '@envelop/graphql-jit'
import DataLoader from 'dataloader'
import { createSchema, createYoga } from 'graphql-yoga'
import { typeDefs } from './schema.mjs'
import * as upstream from './upstream.mjs'

const resolvers = {
  Query: {
    orders: async (_, { first }) => ({ nodes: await upstream.orders(first) }),
    order: (_, { id }) => upstream.order(id),
  },
  SalesOrder: {
    account: (order, _, { accounts }) => accounts.load(order.customer),
    lines: async (order, { first }, { lines }) => ({
      nodes: (await lines.load(order.id)).slice(0, first),
    }),
  },
}

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context: () => ({
    accounts: new DataLoader(upstream.accounts),
    lines: new DataLoader(upstream.lines),
  }),
  plugins: process.argv[2] === 'jit' ? [useGraphQlJit()] : [],
  graphiql: false,
  logging: 'warn',
})

createServer(yoga).listen(Number(process.env.PORT), '127.0.0.1')
