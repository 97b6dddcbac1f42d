// The schema that the peers share: our own, as far as the compared documents go.

export const typeDefs = /* GraphQL */ `
  enum OrderStatus {
    ACTIVE CONFIRMED PICKED PARTIALLY_DELIVERED DELIVERED INVOICED PARTIALLY_INVOICED CANCELED
  }
  type Money { amount: Float! }
  type Account { name: String! }
  type SalesOrderLine { description: String quantity: Float unitPrice: Money }
  type SalesOrderLineConnection { nodes: [SalesOrderLine!]! }
  type SalesOrder {
    id: ID!
    number: String
    status: OrderStatus
    placedAt: String
    total: Money
    customerReference: String
    account: Account
    lines(first: Int = 25): SalesOrderLineConnection!
  }
  type SalesOrderConnection { nodes: [SalesOrder!]! }
  type Query {
    orders(first: Int = 25): SalesOrderConnection!
    order(id: ID!): SalesOrder
  }
`
