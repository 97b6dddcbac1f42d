// GraphQL Mesh with its OData source over the service's own $metadata. It asks for the columns of the
// query and expands links in the same request.

import { createServer } from 'node:http'
import { processConfig } from '@graphql-mesh/config'
import { createMeshHTTPHandler } from '@graphql-mesh/http'
import { getMesh } from '@graphql-mesh/runtime'
import { InMemoryStoreStorageAdapter, MeshStore } from '@graphql-mesh/store'

const { STUB, SERVICE_TOKEN, PORT } = process.env
const headers = { authorization: `Bearer ${SERVICE_TOKEN}` }
const odata = {
  endpoint: `${STUB}/api/data/v9.2`,
  schemaHeaders: headers,
  operationHeaders: headers,
  expandNavProps: true,
}

const dir = import.meta.dirname
const config = { sources: [{ name: 'Dataverse', handler: { odata } }], customFetch: './dataverse.mjs' }
const memory = new InMemoryStoreStorageAdapter()
const store = new MeshStore('.mesh', memory, { readonly: false, validate: false })
const mesh = await getMesh(await processConfig(config, { dir, store }))
const handler = createMeshHTTPHandler({ baseDir: dir, getBuiltMesh: async () => mesh })

createServer(handler).listen(Number(PORT), '127.0.0.1')
