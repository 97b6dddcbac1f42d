// mercurius on Fastify, compiled from the first request on, with its own loaders.

import Fastify from 'fastify'
import mercurius from 'mercurius'
import { typeDefs } from './schema.mjs'
import * as upstream from './upstream.mjs'

const app = Fastify()

app.register(mercurius, {
  schema: typeDefs,
  jit: 1,
  resolvers: {
    Query: {
      orders: async (_, { first }) => ({ nodes: await upstream.orders(first) }),
      order: (_, { id }) => upstream.order(id),
    },
  },
  loaders: {
    SalesOrder: {
      async account(queries) {
        const ids = queries.map(({ obj }) => obj.customer)
        const found = await upstream.accounts([...new Set(ids)])
        const named = new Map([...new Set(ids)].map((id, n) => [id, found[n]]))
        return ids.map(id => named.get(id))
      },
      async lines(queries) {
        const found = await upstream.lines(queries.map(({ obj }) => obj.id))
        return queries.map(({ params }, n) => ({ nodes: found[n].slice(0, params.first) }))
      },
    },
  },
})

app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
