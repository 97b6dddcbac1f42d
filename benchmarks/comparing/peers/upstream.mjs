// Dataverse for the peers: undici with keep-alive, the columns asked for and no others, links by
// the batch. STUB, SERVICE_TOKEN and ACCOUNT come from the environment.

import { Pool } from 'undici'

const { STUB, SERVICE_TOKEN, ACCOUNT } = process.env
const pool = new Pool(STUB, { connections: 40 })
const headers = { accept: 'application/json', authorization: `Bearer ${SERVICE_TOKEN}` }

const ORDER = 'salesorderid,msdyn_salesordernumber,msdyn_processingstatus,totalamount,_customerid_value'
const SINGLE = `${ORDER},createdon,msdyn_customersorderreference`
const LINE = 'description,quantity,priceperunit,_salesorderid_value'
const STATUS = {
  192350000: 'ACTIVE',
  192350001: 'CONFIRMED',
  192350002: 'PICKED',
  192350003: 'PARTIALLY_DELIVERED',
  192350004: 'DELIVERED',
  192350005: 'INVOICED',
  192350006: 'PARTIALLY_INVOICED',
  192350007: 'CANCELED',
}

export async function orders(first) {
  const filter = `_customerid_value eq ${ACCOUNT}`
  const orderby = 'createdon desc,salesorderid'
  const rows = await list('salesorders', { select: ORDER, filter, orderby, top: first })
  return rows.map(toOrder)
}

export async function order(id) {
  return toOrder(await get(`salesorders(${id})?$select=${SINGLE}`))
}

export async function accounts(ids) {
  const rows = await list('accounts', { select: 'name', filter: within('accountid', ids) })
  const found = new Map(rows.map(row => [row.accountid, { name: row.name }]))
  return ids.map(id => found.get(id))
}

export async function lines(ids) {
  const filter = within('salesorderid', ids)
  const orderby = 'sequencenumber,salesorderdetailid'
  const rows = await list('salesorderdetails', { select: LINE, filter, orderby })
  const found = new Map(ids.map(id => [id, []]))
  for (const row of rows) found.get(row._salesorderid_value).push(toLine(row))
  return ids.map(id => found.get(id))
}

function toOrder(row) {
  return {
    id: row.salesorderid,
    number: row.msdyn_salesordernumber,
    status: STATUS[row.msdyn_processingstatus],
    placedAt: row.createdon,
    total: { amount: row.totalamount },
    customerReference: row.msdyn_customersorderreference,
    customer: row._customerid_value,
  }
}

function toLine(row) {
  return {
    description: row.description,
    quantity: row.quantity,
    unitPrice: { amount: row.priceperunit },
  }
}

function within(column, ids) {
  const values = JSON.stringify(ids)
  return `Microsoft.Dynamics.CRM.In(PropertyName='${column}',PropertyValues=${values})`
}

async function list(collection, options) {
  const pairs = Object.entries(options).map(([name, value]) => `$${name}=${encodeURIComponent(value)}`)
  return (await get(`${collection}?${pairs.join('&')}`)).value
}

async function get(path) {
  const { statusCode, body } = await pool.request({ path: `/api/data/v9.2/${path}`, method: 'GET', headers })
  if (statusCode !== 200) throw new Error(`${path}: ${statusCode} ${await body.text()}`)
  return body.json()
}
